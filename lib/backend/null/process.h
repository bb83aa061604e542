/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: a process of a null guest: a thread, three socket pairs and an exit status. */
#ifndef KATA_BACKEND_NULL_PROCESS_H
#define KATA_BACKEND_NULL_PROCESS_H

#include <glib.h>

struct null_process;

/** Not yet running. Returns NULL when the host has no descriptors left. Reference-counted. */
struct null_process *kata_null_process__new (char **args, gboolean terminal);
struct null_process *kata_null_process__ref (struct null_process *process);
void kata_null_process__unref (struct null_process *process);

gboolean kata_null_process__start (struct null_process *process);
void kata_null_process__kill (struct null_process *process, int signum);
void kata_null_process__pause (struct null_process *process, gboolean paused);

gboolean kata_null_process__is_started (struct null_process *process);
gboolean kata_null_process__has_terminal (struct null_process *process);
/** TRUE when it has ended; @status gets 0–255. */
gboolean kata_null_process__exited (struct null_process *process, int *status);

/** Somebody was told how it ended. */
void kata_null_process__note_told (struct null_process *process);
/** Nobody will ask for it again: it has ended, which was told, and all that it wrote was read. */
gboolean kata_null_process__is_over (struct null_process *process);

/** The host's ends: poll and read or write them; owned by the process. */
int kata_null_process__exit_fd (struct null_process *process);
int kata_null_process__stdin (struct null_process *process);
int kata_null_process__output (struct null_process *process, gboolean stderr_stream);
void kata_null_process__close_stdin (struct null_process *process);

#endif
