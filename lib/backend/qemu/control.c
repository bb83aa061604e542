/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop, over QMP and by signals. */
#include "backend/qemu/vm.h"

#include "backend/external.h"
#include "backend/qmp.h"
#include "base/error.h"

#define QUIT_MS   2000
#define HELPER_MS 2000

static int
command (kata_qemu_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  if (kata_qemu_vm__ended (vm))
    return kata_qemu_vm__ended_error (vm, name, err);
  int code = kata_qmp__open (&qmp, vm->dir_fd, vm->qemu.pidfd, deadline_us, err);
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
kata_qemu__stop (void *handle, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  /* The agent was asked to end the guest before this; a guest that powers off ends QEMU. */
  if (!kata_qemu_vm__ended (vm) && grace_ms > 0)
    kata_pidfd__wait (vm->qemu.pidfd, kata_deadline__within (env->deadline_us, grace_ms), NULL);
  if (!kata_qemu_vm__ended (vm))
    command (vm, "quit", kata_deadline__within (env->deadline_us, QUIT_MS), NULL);
  int code = kata_backend_process__end (&vm->qemu, QUIT_MS, env->deadline_us, err);
  if (code == 0)
    code = kata_backend_process__end (&vm->virtiofsd, HELPER_MS, env->deadline_us, err);
  kata_qemu_vm__ended (vm);
  return code;
}
