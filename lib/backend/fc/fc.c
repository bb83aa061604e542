/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fc: the table of verbs of the Firecracker adapter; each file beside it does one part. */
#include "backend/registry.h"

#include <string.h>

#include "backend/fc/vm.h"
#include "base/json-write.h"

const kata_external_kind kata_fc_kind = { .name = "fc",
                                          .program = "firecracker",
                                          .logs = { KATA_FC_LOG, KATA_EXTERNAL_TAIL_MAX, KATA_FC_CONSOLE_LOG },
                                          .vsock_socket = KATA_FC_VSOCK_SOCKET,
                                          .vm_size = sizeof (kata_fc_vm) };
const kata_external_kind kata_fc_kind_stdout = { .name = "fc",
                                                 .program = "firecracker",
                                                 .logs = { KATA_FC_LOG, KATA_EXTERNAL_TAIL_MAX, KATA_FC_CONSOLE_LOG },
                                                 .vsock_socket = KATA_FC_VSOCK_SOCKET,
                                                 .vm_size = sizeof (kata_fc_vm),
                                                 .console_stdout = true };

static void
write_requests (struct kata_json_writer *w, const GPtrArray *requests)
{
  kata_json_write__begin_array (w, "requests");
  for (guint i = 0; i < requests->len; i++) {
    const kata_fc_request *request = g_ptr_array_index (requests, i);
    g_autofree char *what = g_strdup_printf ("%s %s", request->method, request->path);
    kata_json_write__begin_object (w, NULL);
    kata_json_write__raw (w, what, request->body);
    kata_json_write__end_object (w);
  }
  kata_json_write__end_array (w);
}

/* Stands for what is only known once the VM is launched: the place of the programs, their version. */
static int
fc_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  bool own = plan->hypervisor_path != NULL && plan->hypervisor_path[0] != '\0';
  bool jailed = plan->jailer_path != NULL && plan->jailer_path[0] != '\0';
  const struct kata_fc_facts facts = { .version = { 1, 16, 0 }, .jailed = jailed };
  g_autoptr (GPtrArray) requests = NULL;
  int code = kata_fc__requests (&requests, plan, &facts, err);
  if (code < 0)
    return code;
  g_auto (GStrv) argv =
      kata_fc__argv (plan, own ? plan->hypervisor_path : "firecracker", jailed ? plan->jailer_path : NULL);
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__strv (&w, jailed ? "jailer" : "firecracker", (const char *const *) argv);
  write_requests (&w, requests);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}

static int
fc_attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = NULL;
  int code = kata_external_vm__attach (&vm, &kata_fc_kind, plan, saved, err);
  if (code < 0)
    return code;
  kata_fc__describe ((kata_fc_vm *) vm, plan, NULL);
  *out = vm;
  return 0;
}

static const void *
fc_query (const char *interface_name)
{
  if (strcmp (interface_name, KATA_BACKEND_DISK) == 0)
    return &kata_fc__disk;
  if (strcmp (interface_name, KATA_BACKEND_RESIZE) == 0)
    return &kata_fc__resize;
  if (strcmp (interface_name, KATA_BACKEND_SNAPSHOT) == 0)
    return &kata_fc__snapshot;
  return strcmp (interface_name, KATA_BACKEND_COUNTERS) == 0 ? &kata_fc__counters : NULL;
}

const kata_backend kata_backend_fc = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "fc",
  .probe = kata_fc__probe,
  .translate = fc_translate,
  .launch = kata_fc__launch,
  .save = kata_external_vm__save,
  .attach = fc_attach,
  .connect = kata_external_vm__connect,
  .pause = kata_fc__pause,
  .resume = kata_fc__resume,
  .stop = kata_fc__stop,
  .exit_fd = kata_external_vm__exit_fd,
  .why = kata_external_vm__why,
  .pids = kata_external_vm__pids,
  .detach = kata_external_vm__detach,
  .query = fc_query,
};
