/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program: most verbs of a backend whose VMM is a program of its own that serves the agent on a unix socket; it knows no VMM's command line. */
#ifndef KATA_SYS_PROGRAM_H
#define KATA_SYS_PROGRAM_H

#include <kata/sys/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A VMM as it is started. */
typedef struct kata_program {
  size_t size;
  const char *name;   /* in errors, the journal and the logs' names: 1 to 32 of a-z, 0-9 and - */
  const char *socket; /* in the sandbox's directory, where it listens for "CONNECT port": a name without "/" */
  const char *const
      *argv; /* (nullable): NULL-terminated, the first an absolute path; not looked at by kata_program_attach() */
} kata_program;
#define KATA_PROGRAM_INIT                                                                                              \
  {                                                                                                                    \
    sizeof (kata_program), NULL, NULL, NULL                                                                            \
  }

/**
 * kata_program_launch:
 * Start the VMM in the sandbox's directory: recorded before it runs anything, with its output in NAME-console.log and NAME.log there. Nothing is shared
 * with the guest by it.
 * @vm: (out) (transfer full): for the other calls; release with kata_program_detach()
 * @plan: the plan that the verb was given
 * @program: what is started
 * @env: what the verb was given
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_IO, KATA_E_HOST (no such program)
 * Threads: any. Blocks: no. Since: 0.2
 */
KATA_API int kata_program_launch (void **vm, const kata_vm_plan *plan, const kata_program *program,
                                  const kata_backend_env *env, kata_error **err);

/**
 * kata_program_attach:
 * Find a VMM again that kata_program_save() told of, also one that has ended since.
 * @vm: (out) (transfer full): as from kata_program_launch()
 * @plan: the plan that the verb was given
 * @program: what was started
 * @saved: what kata_program_save() wrote
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_CORRUPT (not what was written), KATA_E_IO
 * Threads: any. Blocks: no. Since: 0.2
 */
KATA_API int kata_program_attach (void **vm, const kata_vm_plan *plan, const kata_program *program, const char *saved,
                                  kata_error **err);

/**
 * kata_program_save:
 * The verb save of kata_backend.
 * @vm: (inout): the VM
 * @json: (out) (transfer full): release with kata_free()
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: none are expected
 * Threads: one at a time on a VM. Blocks: no. Since: 0.2
 */
KATA_API int kata_program_save (void *vm, char **json, kata_error **err);

/**
 * kata_program_connect:
 * The verb connect: asks for the agent's port on the socket until it is there.
 * @vm: (inout): the VM
 * @out: (out): the stream; whoever gets it closes it
 * @env: what the verb was given
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_TIMEOUT, KATA_E_VMM (it has ended), KATA_E_GUEST (its kernel panicked), KATA_E_PERMISSION (another user listens there), KATA_E_IO
 * Threads: any. Blocks: until the deadline. Since: 0.2
 */
KATA_API int kata_program_connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err);

/**
 * kata_program_signal:
 * Send a signal to the VMM, never to another process that has its number since: SIGSTOP and SIGCONT are a pause and its end.
 * @vm: (inout): the VM
 * @signum: the signal
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND (it has ended), KATA_E_PERMISSION, KATA_E_INVALID
 * Threads: one at a time on a VM. Blocks: no. Since: 0.2
 */
KATA_API int kata_program_signal (void *vm, int signum, kata_error **err);

/**
 * kata_program_stop:
 * The verb stop: waits @grace_ms for the guest to end the VMM, then SIGTERM, two seconds later SIGKILL.
 * @vm: (inout): the VM
 * @grace_ms: milliseconds
 * @env: what the verb was given
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_TIMEOUT, KATA_E_IO
 * Threads: one at a time on a VM. Blocks: until it is gone. Since: 0.2
 */
KATA_API int kata_program_stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err);

/**
 * kata_program_exit_fd:
 * The verb exit_fd.
 * @vm: (inout): the VM
 * Returns: a descriptor that polls readable once the VMM has ended; it belongs to @vm
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.2
 */
KATA_API int kata_program_exit_fd (void *vm);

/**
 * kata_program_why:
 * The verb why: how the VMM ended, and the end of its log.
 * @vm: (inout): the VM
 * Returns: (transfer full): release with kata_free()
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.2
 */
KATA_API char *kata_program_why (void *vm);

/**
 * kata_program_pids:
 * The verb pids.
 * @vm: (inout): the VM
 * @pids: (out): 0-terminated if there is room
 * @max: how many there is room for
 * Returns: how many
 * Errors: none
 * Threads: one at a time on a VM. Blocks: no. Since: 0.2
 */
KATA_API size_t kata_program_pids (void *vm, int64_t *pids, size_t max);

/**
 * kata_program_detach:
 * The verb detach: the VMM goes on.
 * @vm: (nullable) (transfer full): the VM
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.2
 */
KATA_API void kata_program_detach (void *vm);

#ifdef __cplusplus
}
#endif
#endif
