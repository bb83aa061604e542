/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop, over the API. */
#include "backend/clh/vm.h"

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

int
kata_clh__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, command, "vm.power-button", "vmm.shutdown", grace_ms, env, err);
}
