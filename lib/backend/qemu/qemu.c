/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qemu: the adapter's table of verbs; each file beside it does one part. */
#include "backend/registry.h"

#include <string.h>

#include <json-glib/json-glib.h>

#include "backend/qemu/argv.h"
#include "backend/qemu/vm.h"
#include "backend/qmp-vm.h"
#include "backend/virtiofsd.h"

const kata_external_kind kata_qemu_kind = {
  .name = "qemu", .program = "qemu", .logs = { KATA_QEMU_STDERR_LOG, KATA_EXTERNAL_TAIL_MAX, KATA_QEMU_CONSOLE_LOG }
};

static void
add_strv (JsonBuilder *builder, const char *name, char **strv)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (size_t i = 0; strv[i] != NULL; i++)
    json_builder_add_string_value (builder, strv[i]);
  json_builder_end_array (builder);
}

/* Stands for what is only known once the VM is launched: the place of the programs, a vsock context id, virtiofsd's make. */
static int
qemu_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  g_auto (GStrv) qemu = NULL;
  g_auto (GStrv) virtiofsd = NULL;
  bool own = plan->hypervisor_path != NULL && plan->hypervisor_path[0] != '\0';
  bool own_helper = plan->virtiofsd_path != NULL && plan->virtiofsd_path[0] != '\0';
  const kata_qemu_machine *machine = NULL;
  int code = kata_qemu__machine (&machine, plan, err);
  if (code < 0)
    return code;
  kata_qemu_context context = { .program = own ? plan->hypervisor_path : machine->program,
                                .version = { 7, 2, 0 },
                                .cid = plan->agent_cid != 0 ? plan->agent_cid : 3,
                                .sev_bit = 51,
                                .sev_bits_lost = 1,
                                .vhost_fd = 3,
                                .nic_fd = 4 };
  code = kata_qemu__argv (&qemu, plan, &context, err);
  const struct kata_virtiofsd server = { "qemu", own_helper ? plan->virtiofsd_path : "virtiofsd", KATA_VIRTIOFSD_C };
  if (code == 0 && plan->share_kind == KATA_SHARE_VIRTIOFS)
    code = kata_virtiofsd__argv (&virtiofsd, &server, plan, 1000000, err);
  if (code < 0)
    return code;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  add_strv (builder, "qemu", qemu);
  if (virtiofsd != NULL)
    add_strv (builder, "virtiofsd", virtiofsd);
  json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  *json = json_to_string (root, FALSE);
  return 0;
}

static const void *
qemu_query (const char *interface_name)
{
  if (strcmp (interface_name, KATA_BACKEND_DISK) == 0)
    return &kata_qemu__disk;
  if (strcmp (interface_name, KATA_BACKEND_COUNTERS) == 0)
    return &kata_qemu__counters;
  if (strcmp (interface_name, KATA_BACKEND_RESIZE) == 0)
    return &kata_qemu__resize;
  if (strcmp (interface_name, KATA_BACKEND_HOST_DEVICE) == 0)
    return &kata_qemu__host_device;
  return strcmp (interface_name, KATA_BACKEND_NETWORK) == 0 ? &kata_qemu__network : NULL;
}

const kata_backend kata_backend_qemu = {
  .size = sizeof (kata_backend),
  .abi = KATA_BACKEND_ABI,
  .name = "qemu",
  .probe = kata_qemu__probe,
  .translate = qemu_translate,
  .launch = kata_qemu__launch,
  .save = kata_qemu__save,
  .attach = kata_qemu__attach,
  .connect = kata_qemu__connect,
  .pause = kata_qmp_vm__pause,
  .resume = kata_qmp_vm__resume,
  .stop = kata_qmp_vm__stop,
  .exit_fd = kata_external_vm__exit_fd,
  .why = kata_external_vm__why,
  .pids = kata_external_vm__pids,
  .detach = kata_external_vm__detach,
  .query = qemu_query,
};
