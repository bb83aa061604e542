/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: one process of a virtual machine (the VMM, virtiofsd), started by us or found again by its identity. It knows no VMM. */
#ifndef KATA_BACKEND_PROCESS_H
#define KATA_BACKEND_PROCESS_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

#include "host/child.h"

typedef struct kata_backend_process {
  kata_pid_identity identity; /* pid 0 = there is none */
  int pidfd;                  /* -1 = none, or gone when we attached */
  kata_exit_status status;    /* once reaped */
} kata_backend_process;

#define KATA_BACKEND_PROCESS_INIT                                                                                      \
  {                                                                                                                    \
    .pidfd = -1                                                                                                        \
  }

/** Ours now: the pidfd moves. */
void kata_backend_process__adopt (kata_backend_process *process, const kata_child *child);
/** Has it ended? Reaps it then, if it is our child. Not thread-safe. */
bool kata_backend_process__ended (kata_backend_process *process);
/** Waits a while, then kills it, and waits for that; the exit status is still to be had from _ended(). KATA_E_TIMEOUT, KATA_E_IO. */
int kata_backend_process__end (kata_backend_process *process, int64_t wait_ms, int64_t deadline_us, kata_error **err);
/** For a launch that failed: kill, reap, forget. */
void kata_backend_process__discard (kata_backend_process *process);
void kata_backend_process__clear (kata_backend_process *process);

/** "[pid,start time]" */
char *kata_backend_process__to_json (const kata_backend_process *process);
/** Reads that back from a member of @object; false when it is wrong. */
bool kata_backend_process__from_json (kata_backend_process *process, JsonObject *object, const char *name);
/** After from_json: open it, if it is still there. */
int kata_backend_process__reopen (kata_backend_process *process, kata_error **err);

#endif
