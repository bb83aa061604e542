/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: the public functions of kata_process; checks, then lib/sandbox. */
#include <kata/process.h>

#include "api/argument.h"
#include "sandbox/process.h"

#define SIGNAL_MAX 64
#define READ_MAX   ((size_t) 1 << 20)

kata_process *
kata_process_ref (kata_process *process)
{
  if (process != NULL)
    g_atomic_ref_count_inc (&process->refs);
  return process;
}

kata_process *
kata_process_unref (kata_process *process)
{
  if (process != NULL && g_atomic_ref_count_dec (&process->refs))
    kata_process__free (process);
  return NULL;
}

void
kata_process_unrefp (kata_process **process)
{
  if (process != NULL)
    *process = kata_process_unref (*process);
}

const char *
kata_process_get_id (kata_process *process)
{
  return process->exec_id;
}

int
kata_process_read (kata_process *process, int stream, void *buffer, size_t length, size_t *n_read, int64_t timeout_ms,
                   kata_error **err)
{
  KATA_REQUIRE (process != NULL, "process", err);
  KATA_REQUIRE (stream == KATA_STDOUT || stream == KATA_STDERR, "stream", err);
  KATA_REQUIRE (buffer != NULL && n_read != NULL, "buffer", err);
  KATA_REQUIRE (length >= 1, "length", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r
                : kata_process__read (process, stream == KATA_STDERR, buffer, MIN (length, READ_MAX), n_read,
                                      timeout_ms, err);
}

int
kata_process_write (kata_process *process, const void *data, size_t length, size_t *n_written, int64_t timeout_ms,
                    kata_error **err)
{
  KATA_REQUIRE (process != NULL, "process", err);
  KATA_REQUIRE (data != NULL || length == 0, "data", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_process__write (process, data, length, n_written, timeout_ms, err);
}

int
kata_process_interrupt (kata_process *process, uint32_t calls, kata_error **err)
{
  const uint32_t all = KATA_CALL_READ | KATA_CALL_WRITE | KATA_CALL_WAIT;
  KATA_REQUIRE (process != NULL, "process", err);
  KATA_REQUIRE ((calls & ~all) == 0, "calls", err);
  kata_process__interrupt (process, calls != 0 ? calls : all);
  return 0;
}

int
kata_process_close_stdin (kata_process *process, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (process != NULL, "process", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_process__close_stdin (process, timeout_ms, err);
}

int
kata_process_resize (kata_process *process, uint32_t rows, uint32_t columns, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (process != NULL, "process", err);
  KATA_REQUIRE (rows >= 1 && rows <= UINT16_MAX, "rows", err);
  KATA_REQUIRE (columns >= 1 && columns <= UINT16_MAX, "columns", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_process__resize (process, rows, columns, timeout_ms, err);
}

int
kata_process_signal (kata_process *process, int signum, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (process != NULL, "process", err);
  KATA_REQUIRE (signum >= 1 && signum <= SIGNAL_MAX, "signum", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_process__signal (process, signum, timeout_ms, err);
}

int
kata_process_wait (kata_process *process, int *exit_status, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (process != NULL, "process", err);
  KATA_REQUIRE (exit_status != NULL, "exit_status", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_process__wait (process, exit_status, timeout_ms, err);
}
