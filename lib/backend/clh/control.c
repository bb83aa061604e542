/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop, over the API and by signals. */
#include "backend/clh/vm.h"

#define QUIT_MS   2000
#define HELPER_MS 2000
#define PRESS_MS  1000 /* how long the guest is left alone before the power button, and between presses */

static int
command (kata_external_vm *vm, const char *action, int64_t deadline_us, kata_error **err)
{
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, action, err);
  return kata_clh__put (vm, action, NULL, NULL, 0, deadline_us, err);
}

int
kata_clh__pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return command (vm, "vm.pause", env->deadline_us, err);
}

int
kata_clh__resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return command (vm, "vm.resume", env->deadline_us, err);
}

/* As for QEMU: the agent was asked before; a guest without one hears the power button, again and again. */
static void
end_orderly (kata_external_vm *vm, int64_t until_us)
{
  while (!kata_external_vm__ended (vm)) {
    kata_pidfd__wait (vm->vmm.pidfd, kata_deadline__within (until_us, PRESS_MS), NULL);
    if (kata_deadline__now () >= until_us)
      return;
    command (vm, "vm.power-button", kata_deadline__within (until_us, PRESS_MS), NULL);
  }
}

int
kata_clh__stop (void *handle, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  if (grace_ms > 0)
    end_orderly (vm, kata_deadline__within (env->deadline_us, grace_ms));
  if (!kata_external_vm__ended (vm))
    command (vm, "vmm.shutdown", kata_deadline__within (env->deadline_us, QUIT_MS), NULL);
  int code = kata_backend_process__end (&vm->vmm, QUIT_MS, env->deadline_us, err);
  if (code == 0)
    code = kata_backend_process__end (&vm->virtiofsd, HELPER_MS, env->deadline_us, err);
  kata_external_vm__ended (vm);
  return code;
}
