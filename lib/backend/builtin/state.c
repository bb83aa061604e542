/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state: a virtual machine as JSON, and found again from it. */
#include "backend/builtin/vm.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "backend/external.h"
#include "backend/saved.h"
#include "base/error.h"
#include "base/fd.h"
#include "vmm/control.h"

#define WATCH_MS 5000

int
kata_builtin__save (void *handle, char **json, kata_error **err)
{
  kata_builtin_vm *vm = handle;
  g_autofree char *vmm = kata_backend_process__to_json (&vm->vmm);
  g_autofree char *virtiofsd = kata_backend_process__to_json (&vm->virtiofsd);
  *json = g_strdup_printf ("{\"version\":1,\"isolation\":%d,\"vmm\":%s,\"virtiofsd\":%s,\"port\":%u}", vm->isolation,
                           vmm, virtiofsd, vm->port);
  return 0;
}

static bool
read_saved (kata_builtin_vm *vm, const char *text)
{
  g_autoptr (JsonObject) saved = kata_saved__parse (text);
  uint32_t isolation;
  if (saved == NULL || !kata_saved__number (saved, "isolation", KATA_ISOLATION_THREAD, &isolation) ||
      !kata_saved__number (saved, "port", UINT32_MAX, &vm->port) ||
      !kata_backend_process__from_json (&vm->vmm, saved, "vmm") ||
      !kata_backend_process__from_json (&vm->virtiofsd, saved, "virtiofsd"))
    return false;
  vm->isolation = (int32_t) isolation;
  return vm->vmm.identity.pid > 0;
}

/*
 * What says that it ended: the process's pidfd; for a machine in threads of another process, which may outlive it, a connection to its control
 * socket, which is closed with it.
 */
static int
watch_end (kata_builtin_vm *vm, int64_t deadline_us, kata_error **err)
{
  int code = kata_backend_process__reopen (&vm->vmm, err);
  if (code < 0 || (vm->vmm.pidfd >= 0 && vm->isolation == KATA_ISOLATION_PROCESS))
    return code;
  kata_auto_fd int fd = -1;
  int64_t until = kata_deadline__within (deadline_us, WATCH_MS);
  if (vm->vmm.pidfd >= 0 && vmm_control__connect (&fd, vm->dir_fd, KATA_BUILTIN_CONTROL_SOCKET, until, NULL) == 0 &&
      vmm_control__call (fd, NULL, VMM_CONTROL_WATCH, 0, until, NULL) == 0) {
    vm->gone_fd = kata_fd__steal (&fd);
    return 0;
  }
  vm->gone_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK);
  return vm->gone_fd >= 0 ? 0 : kata_error__errno (err, KATA_E_IO, NULL, errno, "make an event descriptor");
}

int
kata_builtin__attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                      kata_error **err)
{
  g_autoptr (kata_builtin_vm) vm = kata_builtin_vm__new (plan->dir);
  if (!read_saved (vm, saved))
    return kata_saved__corrupt (plan->id, err);
  int code = kata_external__open_dir (&vm->dir_fd, plan->dir, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->virtiofsd, err);
  if (code == 0)
    code = watch_end (vm, env->deadline_us, err);
  if (code == 0)
    *out = g_steal_pointer (&vm);
  return code;
}
