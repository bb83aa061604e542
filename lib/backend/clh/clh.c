/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh: the table of verbs of the Cloud Hypervisor adapter; each file beside it does one part. */
#include "backend/registry.h"

#include <string.h>

#include "backend/clh/config.h"
#include "backend/clh/vm.h"
#include "base/json-write.h"

const kata_external_kind kata_clh_kind = { .name = "clh",
                                           .program = "cloud-hypervisor",
                                           .logs = { KATA_CLH_LOG, KATA_EXTERNAL_TAIL_MAX, KATA_CLH_CONSOLE_LOG },
                                           .vsock_socket = KATA_CLH_VSOCK_SOCKET,
                                           .vm_size = sizeof (kata_clh_vm),
                                           .look = kata_clh__look,
                                           .told = kata_clh__told };

static int
write_nics (struct kata_json_writer *w, const kata_vm_plan *plan, kata_error **err)
{
  if (plan->nics == NULL || plan->nics[0] == NULL)
    return 0;
  kata_json_write__begin_array (w, "vm.add-net");
  for (size_t i = 0; plan->nics[i] != NULL; i++) {
    g_autofree char *config = NULL;
    int code = kata_clh__net_config (&config, plan, i, err);
    if (code < 0)
      return code;
    kata_json_write__raw (w, NULL, config);
  }
  kata_json_write__end_array (w);
  return 0;
}

/* Stands for what is only known once the VM is launched: the place of the programs, virtiofsd's make. */
static int
clh_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  g_auto (GStrv) argv = NULL;
  g_autofree char *config = NULL;
  bool own = plan->hypervisor_path != NULL && plan->hypervisor_path[0] != '\0';
  int code = kata_clh__argv (&argv, plan, own ? plan->hypervisor_path : "cloud-hypervisor", err);
  if (code == 0)
    code = kata_clh__vm_config (&config, plan, err);
  if (code < 0)
    return code;
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__strv (&w, "cloud-hypervisor", (const char *const *) argv);
  kata_json_write__raw (&w, "vm.create", config);
  code = write_nics (&w, plan, err);
  if (code < 0) {
    kata_json_write__clear (&w);
    return code;
  }
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}

void
kata_clh__remember (kata_clh_vm *vm, const kata_vm_plan *plan)
{
  vm->net_limits = kata_clh__net_limits (plan);
  vm->disks = kata_clh__disks (plan);
  vm->room = (struct kata_clh_room){ plan->memory_mib, plan->virtio_mem != 0 };
}

static int
clh_attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = NULL;
  int code = kata_external_vm__attach (&vm, &kata_clh_kind, plan, saved, err);
  if (code < 0)
    return code;
  kata_clh__remember ((kata_clh_vm *) vm, plan);
  *out = vm;
  return 0;
}

static const void *
clh_query (const char *interface_name)
{
  if (strcmp (interface_name, KATA_BACKEND_DISK) == 0)
    return &kata_clh__disk;
  if (strcmp (interface_name, KATA_BACKEND_HOST_DEVICE) == 0)
    return &kata_clh__host_device;
  if (strcmp (interface_name, KATA_BACKEND_SNAPSHOT) == 0)
    return &kata_clh__snapshot;
  if (strcmp (interface_name, KATA_BACKEND_COUNTERS) == 0)
    return &kata_clh__counters;
  if (strcmp (interface_name, KATA_BACKEND_RESIZE) == 0)
    return &kata_clh__resize;
  return strcmp (interface_name, KATA_BACKEND_NETWORK) == 0 ? &kata_clh__network : NULL;
}

const kata_backend kata_backend_clh = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "clh",
  .probe = kata_clh__probe,
  .translate = clh_translate,
  .launch = kata_clh__launch,
  .save = kata_external_vm__save,
  .attach = clh_attach,
  .connect = kata_external_vm__connect,
  .pause = kata_clh__pause,
  .resume = kata_clh__resume,
  .stop = kata_clh__stop,
  .exit_fd = kata_external_vm__exit_fd,
  .why = kata_external_vm__why,
  .pids = kata_external_vm__pids,
  .detach = kata_external_vm__detach,
  .query = clh_query,
};
