/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop, over QMP. */
#include "backend/qemu/vm.h"

#include "backend/external.h"
#include "backend/qmp.h"
#include "base/error.h"

static int
command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
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
kata_qemu__pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return command (vm, "stop", env->deadline_us, err);
}

int
kata_qemu__resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return command (vm, "cont", env->deadline_us, err);
}

int
kata_qemu__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, command, "system_powerdown", "quit", grace_ms, env, err);
}
