/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop, over the control socket and by signals. */
#include "backend/builtin/vm.h"

#include "backend/builtin/thread.h"
#include "backend/external.h"
#include "base/error.h"
#include "base/fd.h"
#include "vmm/control.h"

#define STOP_MS   2000
#define HELPER_MS 2000
#define PRESS_MS  1000 /* how long the guest is left alone before the power button, and between presses */

static int
command (kata_builtin_vm *vm, enum vmm_control_op op, const char *name, int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int fd = -1;
  if (kata_builtin_vm__ended (vm))
    return kata_builtin_vm__ended_error (vm, name, err);
  int code = vmm_control__connect (&fd, vm->dir_fd, KATA_BUILTIN_CONTROL_SOCKET, deadline_us, err);
  if (code == 0)
    code = vmm_control__call (fd, NULL, op, 0, deadline_us, err);
  return code;
}

int
kata_builtin__pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return command (vm, VMM_CONTROL_PAUSE, "pause", env->deadline_us, err);
}

int
kata_builtin__resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return command (vm, VMM_CONTROL_RESUME, "resume", env->deadline_us, err);
}

static bool
wait_end (kata_builtin_vm *vm, int64_t until_us)
{
  while (!kata_builtin_vm__ended (vm))
    if (!kata_external__pause (kata_builtin_vm__exit_fd (vm), 1000, until_us))
      return kata_builtin_vm__ended (vm);
  return true;
}

/*
 * The agent was asked to end the guest before this, and a guest that powers off ends its VMM. One whose agent cannot be reached, or is
 * another's, hears the power button; again and again, for early in its boot it does not listen. Pressing it once too often does no harm.
 */
static void
end_orderly (kata_builtin_vm *vm, int64_t until_us)
{
  while (!wait_end (vm, kata_deadline__within (until_us, PRESS_MS)) && kata_deadline__now () < until_us)
    command (vm, VMM_CONTROL_POWER, "press the power button", kata_deadline__within (until_us, PRESS_MS), NULL);
}

/* A machine in threads of ours ends when told; one in another process's threads by its control socket only: that process is not ours to kill. */
static int
end_machine (kata_builtin_vm *vm, int64_t deadline_us, kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, STOP_MS);
  if (vm->thread != NULL)
    kata_builtin_thread__stop (vm->thread);
  else if (!kata_builtin_vm__ended (vm))
    command (vm, VMM_CONTROL_STOP, "stop", until, NULL);
  if (vm->isolation == KATA_ISOLATION_PROCESS)
    return kata_backend_process__end (&vm->vmm, STOP_MS, deadline_us, err);
  if (wait_end (vm, until))
    return 0;
  return kata_error__set (err, KATA_E_TIMEOUT, NULL,
                          "stop: the microVMM in threads of process %lld did not end within %d ms",
                          (long long) vm->vmm.identity.pid, STOP_MS);
}

int
kata_builtin__stop (void *handle, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  kata_builtin_vm *vm = handle;
  if (grace_ms > 0)
    end_orderly (vm, kata_deadline__within (env->deadline_us, grace_ms));
  int code = kata_builtin_vm__ended (vm) ? 0 : end_machine (vm, env->deadline_us, err);
  if (code == 0)
    code = kata_backend_process__end (&vm->virtiofsd, HELPER_MS, env->deadline_us, err);
  kata_builtin_vm__ended (vm);
  return code;
}
