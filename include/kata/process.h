/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: one process of a container: its streams, terminal, signals and exit status. */
#ifndef KATA_PROCESS_H
#define KATA_PROCESS_H

#include <kata/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A container: a handle, reference-counted; any number of them, in any process, may stand for the same container. */
typedef struct kata_container kata_container;
/** A process of a container: a handle, reference-counted. */
typedef struct kata_process kata_process;

/** Of one more process. */
enum kata_exec_flags { KATA_EXEC_TERMINAL = 1 };

/** What to execute. @process_json (an OCI process object) or @args; the rest changes what it says. */
typedef struct kata_exec_options {
  size_t size;
  const char *id;           /* (nullable): NULL = a random one */
  const char *process_json; /* (nullable): runtime-spec `process` */
  const char *const *args;  /* (nullable): NULL-terminated */
  const char *const *env;   /* (nullable): NULL-terminated "NAME=value", added to the container's */
  const char *cwd;          /* (nullable): NULL = the container's */
  const char *user;         /* (nullable): "uid" or "uid:gid"; NULL = the container's */
  uint32_t flags;           /* enum kata_exec_flags */
  uint32_t rows, columns;   /* of the terminal; 0 = 24, 80 */
} kata_exec_options;
#define KATA_EXEC_OPTIONS_INIT                                                                                         \
  {                                                                                                                    \
    sizeof (kata_exec_options), NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0                                            \
  }

/** What a process writes to. */
enum kata_stream_id { KATA_STDOUT = 1, KATA_STDERR = 2 };

/**
 * kata_process_ref:
 * Take a reference.
 * @process: (nullable): the process
 * Returns: (transfer full): @process
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_process *kata_process_ref (kata_process *process);

/**
 * kata_process_unref:
 * Drop a reference. Dropping the last one releases the handle only: the process goes on.
 * @process: (nullable) (transfer full): the process
 * Returns: NULL
 * Errors: none
 * Threads: any. Blocks: no; as kata_sandbox_unref() where nothing else refers to the sandbox. Since: 0.1
 */
KATA_API kata_process *kata_process_unref (kata_process *process);

/**
 * kata_process_unrefp:
 * Drop the reference in a variable, for cleanup attributes.
 * @process: (inout): the variable; NULL afterwards
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: as kata_process_unref(). Since: 0.1
 */
KATA_API void kata_process_unrefp (kata_process **process);

/**
 * kata_process_get_id:
 * The exec id; "" for a container's first process.
 * @process: the process
 * Returns: (transfer none): owned by @process
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_process_get_id (kata_process *process);

/**
 * kata_process_read:
 * Read what the process wrote. Each byte is given to one reader only. With a terminal everything is on KATA_STDOUT.
 * @process: the process
 * @stream: enum kata_stream_id
 * @buffer: (out): room for @length bytes
 * @length: 1 to 1 MiB; more is not used
 * @n_read: (out): bytes stored; 0 = end of the stream
 * @timeout_ms: milliseconds or KATA_TIMEOUT_NONE (also the default)
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_TIMEOUT (nothing came; nothing is lost), KATA_E_NOT_FOUND, KATA_E_AGENT, KATA_E_VMM (the guest is gone)
 * Threads: any; one at a time per stream sees the bytes in order. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_process_read (kata_process *process, int stream, void *buffer, size_t length, size_t *n_read,
                                int64_t timeout_ms, kata_error **err);

/**
 * kata_process_write:
 * Write to the process's standard input.
 * @process: the process
 * @data: bytes
 * @length: how many; any size, sent in pieces
 * @n_written: (out) (optional): bytes taken, also on failure
 * @timeout_ms: milliseconds or KATA_TIMEOUT_NONE (also the default)
 * @err: (out) (optional): why it failed
 * Returns: 0 (all was taken) or a negative kata_error_code
 * Errors: KATA_E_TIMEOUT, KATA_E_STATE (closed), KATA_E_NOT_FOUND, KATA_E_AGENT, KATA_E_VMM
 * Threads: any. Blocks: at most @timeout_ms, while the process does not read. Since: 0.1
 */
KATA_API int kata_process_write (kata_process *process, const void *data, size_t length, size_t *n_written,
                                 int64_t timeout_ms, kata_error **err);

/**
 * kata_process_close_stdin:
 * The process reads the end of its standard input.
 * @process: the process
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND, KATA_E_AGENT, KATA_E_TIMEOUT, KATA_E_VMM
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_process_close_stdin (kata_process *process, int64_t timeout_ms, kata_error **err);

/**
 * kata_process_resize:
 * Change the size of the process's terminal.
 * @process: with a terminal
 * @rows: 1–65535
 * @columns: 1–65535
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_STATE (no terminal), KATA_E_NOT_FOUND, KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int
kata_process_resize (kata_process *process, uint32_t rows, uint32_t columns, int64_t timeout_ms, kata_error **err);

/**
 * kata_process_signal:
 * Send a signal to this process.
 * @process: the process
 * @signum: 1–64, Linux numbers
 * @timeout_ms: milliseconds, KATA_TIMEOUT_DEFAULT or KATA_TIMEOUT_NONE
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID, KATA_E_NOT_FOUND (it has ended), KATA_E_AGENT, KATA_E_TIMEOUT
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_process_signal (kata_process *process, int signum, int64_t timeout_ms, kata_error **err);

/**
 * kata_process_wait:
 * Wait until the process has ended. Several callers get the same answer.
 * @process: the process
 * @exit_status: (out): 0–255; 128 + number for a signal
 * @timeout_ms: milliseconds or KATA_TIMEOUT_NONE (also the default)
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_TIMEOUT, KATA_E_NOT_FOUND, KATA_E_AGENT, KATA_E_VMM (the guest ended first)
 * Threads: any. Blocks: at most @timeout_ms. Since: 0.1
 */
KATA_API int kata_process_wait (kata_process *process, int *exit_status, int64_t timeout_ms, kata_error **err);

/** Which calls kata_process_interrupt() ends. */
enum kata_call_flags { KATA_CALL_READ = 1, KATA_CALL_WRITE = 2, KATA_CALL_WAIT = 4 };

/**
 * kata_process_interrupt:
 * End the reads, writes or waits that are under way on this handle, on any thread: they fail with KATA_E_CANCELLED. Later ones, and those on
 * other handles to the same process, are not touched. A read or wait that was ended has lost nothing; of a write, what was in flight may still arrive.
 * For programs that cannot know beforehand how long they will want to wait: a call that is just about to begin is not met, so repeat it until
 * the call has returned.
 * @process: the process
 * @calls: enum kata_call_flags; 0 = all of them
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_process_interrupt (kata_process *process, uint32_t calls, kata_error **err);

#ifdef __cplusplus
}
#endif
#endif
