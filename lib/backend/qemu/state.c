/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: a virtual machine as JSON, and found again from it. */
#include "backend/qemu/vm.h"

#include "backend/qemu/argv.h"
#include "backend/qemu/resize.h"
#include "backend/saved.h"
#include "base/error.h"

int
kata_qemu__save (void *handle, char **json, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  g_autofree char *qemu = kata_backend_process__to_json (&vm->base.vmm);
  g_autofree char *virtiofsd = kata_backend_process__to_json (&vm->base.virtiofsd);
  *json = g_strdup_printf (
      "{\"version\":1,\"qemu\":%s,\"virtiofsd\":%s,\"agent\":%d,\"cid\":%u,\"port\":%u,\"serial_ports\":%u}", qemu,
      virtiofsd, vm->agent_kind, vm->base.cid, vm->base.port, vm->serial_ports);
  return 0;
}

static bool
read_saved (kata_qemu_vm *vm, const char *text)
{
  g_autoptr (JsonObject) saved = kata_saved__parse (text);
  uint32_t agent;
  if (saved == NULL || !kata_backend_process__from_json (&vm->base.vmm, saved, "qemu") ||
      !kata_backend_process__from_json (&vm->base.virtiofsd, saved, "virtiofsd") ||
      !kata_saved__number (saved, "agent", KATA_AGENT_SERIAL, &agent) ||
      !kata_saved__number (saved, "cid", UINT32_MAX, &vm->base.cid) ||
      !kata_saved__number (saved, "port", UINT32_MAX, &vm->base.port) ||
      !kata_saved__number (saved, "serial_ports", KATA_QEMU_PORTS_MAX, &vm->serial_ports))
    return false;
  vm->agent_kind = (int32_t) agent;
  return vm->base.vmm.identity.pid > 0;
}

int
kata_qemu__attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                   kata_error **err)
{
  void *made = NULL;
  int code = kata_external_vm__new (&made, sizeof (kata_qemu_vm), &kata_qemu_kind, plan, err);
  if (code < 0)
    return code;
  g_autoptr (kata_qemu_vm) vm = made;
  if (!read_saved (vm, saved))
    return kata_saved__corrupt (plan->id, err);
  vm->room = kata_qemu__room (plan);
  code = kata_external_vm__reopen (&vm->base, plan->id, err);
  if (code < 0)
    return code;
  vm->disks = kata_qemu__disks (plan);
  *out = g_steal_pointer (&vm);
  return 0;
}
