/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: a virtual machine as JSON, and found again from it. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "backend/external.h"
#include "backend/qemu/argv.h"
#include "backend/saved.h"
#include "base/error.h"

int
kata_qemu__save (void *handle, char **json, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  g_autofree char *qemu = kata_backend_process__to_json (&vm->qemu);
  g_autofree char *virtiofsd = kata_backend_process__to_json (&vm->virtiofsd);
  *json = g_strdup_printf (
      "{\"version\":1,\"qemu\":%s,\"virtiofsd\":%s,\"agent\":%d,\"cid\":%u,\"port\":%u,\"serial_ports\":%u}", qemu,
      virtiofsd, vm->agent_kind, vm->cid, vm->port, vm->serial_ports);
  return 0;
}

static bool
read_saved (kata_qemu_vm *vm, const char *text)
{
  g_autoptr (JsonObject) saved = kata_saved__parse (text);
  uint32_t agent;
  if (saved == NULL || !kata_backend_process__from_json (&vm->qemu, saved, "qemu") ||
      !kata_backend_process__from_json (&vm->virtiofsd, saved, "virtiofsd") ||
      !kata_saved__number (saved, "agent", KATA_AGENT_SERIAL, &agent) ||
      !kata_saved__number (saved, "cid", UINT32_MAX, &vm->cid) ||
      !kata_saved__number (saved, "port", UINT32_MAX, &vm->port) ||
      !kata_saved__number (saved, "serial_ports", KATA_QEMU_PORTS_MAX, &vm->serial_ports))
    return false;
  vm->agent_kind = (int32_t) agent;
  return vm->qemu.identity.pid > 0;
}

int
kata_qemu__attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                   kata_error **err)
{
  g_autoptr (kata_qemu_vm) vm = kata_qemu_vm__new (plan->dir);
  if (!read_saved (vm, saved))
    return kata_saved__corrupt (plan->id, err);
  int code = kata_external__open_dir (&vm->dir_fd, plan->dir, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->qemu, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->virtiofsd, err);
  if (code < 0)
    return code;
  if (vm->qemu.pidfd < 0 && (vm->gone_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "sandbox %s: make an event descriptor", plan->id);
  *out = g_steal_pointer (&vm);
  return 0;
}
