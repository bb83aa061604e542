/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: pause, resume and stop. */
#include <signal.h>
#include <string.h>

#include "backend/fc/vm.h"
#include "host/pidfd.h"

static int
ask (kata_external_vm *vm, const char *method, const char *path, const char *body, int64_t deadline_us,
     kata_error **err)
{
  const kata_fc_request request = { .method = method, .path = (char *) path, .body = (char *) body };
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, path, err);
  return kata_fc__ask (vm, &request, deadline_us, err);
}

int
kata_fc__pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return ask (vm, "PATCH", "/vm", "{\"state\":\"Paused\"}", env->deadline_us, err);
}

int
kata_fc__resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return ask (vm, "PATCH", "/vm", "{\"state\":\"Resumed\"}", env->deadline_us, err);
}

/* Three keys for a power button; its API has no request to end it, but a signal does. */
static int
command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
{
  if (strcmp (name, "quit") == 0)
    return kata_pidfd__signal (vm->vmm.pidfd, SIGTERM, err);
  return ask (vm, "PUT", "/actions", "{\"action_type\":\"SendCtrlAltDel\"}", deadline_us, err);
}

int
kata_fc__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, command, "SendCtrlAltDel", "quit", grace_ms, env, err);
}
