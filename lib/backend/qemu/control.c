/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop, over QMP and by signals. */
#include "backend/qemu/vm.h"

#include "backend/external.h"
#include "backend/qmp.h"
#include "base/error.h"

#define QUIT_MS   2000
#define HELPER_MS 2000
#define PRESS_MS  1000 /* how long the guest is left alone before the power button, and between presses */

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

/*
 * The agent was asked to end the guest before this, and a guest that powers off ends QEMU. One whose agent cannot be reached, or is
 * another's, hears the power button; again and again, for early in its boot it does not listen. Pressing it once too often does no harm.
 */
static void
end_orderly (kata_qemu_vm *vm, int64_t until_us)
{
  while (!kata_qemu_vm__ended (vm)) {
    kata_pidfd__wait (vm->qemu.pidfd, kata_deadline__within (until_us, PRESS_MS), NULL);
    if (kata_deadline__now () >= until_us)
      return;
    command (vm, "system_powerdown", kata_deadline__within (until_us, PRESS_MS), NULL);
  }
}

int
kata_qemu__stop (void *handle, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  if (grace_ms > 0)
    end_orderly (vm, kata_deadline__within (env->deadline_us, grace_ms));
  if (!kata_qemu_vm__ended (vm))
    command (vm, "quit", kata_deadline__within (env->deadline_us, QUIT_MS), NULL);
  int code = kata_backend_process__end (&vm->qemu, QUIT_MS, env->deadline_us, err);
  if (code == 0)
    code = kata_backend_process__end (&vm->virtiofsd, HELPER_MS, env->deadline_us, err);
  kata_qemu_vm__ended (vm);
  return code;
}
