/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qmp-vm: pause, resume and stop, and the wait for a VMM that starts. */
#include "backend/qmp-vm.h"

#include "base/error.h"

#define GONE_MS 1000

int
kata_qmp_vm__command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, name, err);
  int code = kata_qmp__open (&qmp, vm->dir_fd, vm->vmm.pidfd, deadline_us, err);
  if (code == 0)
    code = kata_qmp__execute (qmp, name, NULL, NULL, deadline_us, err);
  return code;
}

int
kata_qmp_vm__wait_ready (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  g_autoptr (kata_error) error = NULL;
  int code = kata_qmp__open (&qmp, vm->dir_fd, vm->vmm.pidfd, env->deadline_us, &error);
  if (code == 0) {
    kata_external__bound_logs (vm->vmm.identity.pid, plan);
    return 0;
  }
  /* The connection breaks a moment before the process is gone. */
  if (code == KATA_E_VMM)
    kata_pidfd__wait (vm->vmm.pidfd, kata_deadline__within (env->deadline_us, GONE_MS), NULL);
  g_autofree char *doing = g_strdup_printf ("start %s", vm->kind->program);
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, doing, err);
  g_autofree char *why = kata_external_vm__why (vm);
  return kata_error__wrap (err, g_steal_pointer (&error), NULL, "%s (%s)", doing, why);
}

int
kata_qmp_vm__pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return kata_qmp_vm__command (vm, "stop", env->deadline_us, err);
}

int
kata_qmp_vm__resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return kata_qmp_vm__command (vm, "cont", env->deadline_us, err);
}

int
kata_qmp_vm__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, kata_qmp_vm__command, "system_powerdown", "quit", grace_ms, env, err);
}
