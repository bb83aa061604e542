/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: a connection to the guest's agent through the VMM's vsock socket; retries while the guest boots. */
#include "backend/builtin/vm.h"

#include "backend/external.h"
#include "backend/hybrid.h"
#include "base/error.h"

#define RETRY_MS 5

int
kata_builtin__connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  kata_builtin_vm *vm = handle;
  for (;;) {
    g_autoptr (kata_error) error = NULL;
    int fd = -1;
    enum kata_hybrid_result result = KATA_HYBRID_LATER;
    if (!kata_builtin_vm__ended (vm))
      result = kata_hybrid__try (&fd, vm->dir_fd, KATA_BUILTIN_VSOCK_SOCKET, vm->port, env->deadline_us, &error);
    if (result == KATA_HYBRID_OK) {
      kata_external__stream (out, fd, -1);
      return 0;
    }
    if (kata_builtin_vm__ended (vm))
      return kata_builtin_vm__ended_error (vm, "connect to the agent", err);
    if (result == KATA_HYBRID_FAILED)
      return kata_error__propagate (err, g_steal_pointer (&error));
    if (!kata_external__pause (kata_builtin_vm__exit_fd (vm), RETRY_MS, env->deadline_us))
      return kata_external__no_answer (vm->dir_fd, KATA_BUILTIN_CONSOLE_LOG, err);
  }
}
