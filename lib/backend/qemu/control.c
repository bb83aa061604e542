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

/* Waits a while, then kills. */
static int
end_process (struct kata_qemu_process *process, int64_t wait_ms, int64_t deadline_us, kata_error **err)
{
  if (process->pidfd < 0)
    return 0;
  if (kata_pidfd__wait (process->pidfd, kata_deadline__within (deadline_us, wait_ms), NULL) == 0)
    return 0;
  /* Not kata_pidfd__kill(): that would reap, and the exit status would be lost for why(). */
  int code = kata_pidfd__signal (process->pidfd, 9, err);
  return code < 0 ? code : kata_pidfd__wait (process->pidfd, kata_deadline__within (INT64_MAX, 5000), err);
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
  int code = end_process (&vm->qemu, QUIT_MS, env->deadline_us, err);
  if (code == 0)
    code = end_process (&vm->virtiofsd, HELPER_MS, env->deadline_us, err);
  kata_qemu_vm__ended (vm);
  return code;
}
