/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kept: one process of the pod as the keeper sees it: its streams, its proxy on the host, its end. */
#ifndef KATACTL_VERBS_KEPT_H
#define KATACTL_VERBS_KEPT_H

#include "ctl.h"

typedef struct kept kept;

/** What an engine handed over; kept_new() takes the descriptors. With a terminal only @input is there, for both ways. */
typedef struct kept_fds {
  int control; /* the socket pair to the proxy */
  int input, output, errors;
} kept_fds;

/** Starts to wait for the end of @process, and to pass on what the proxy says. @running: it runs already, kept_run() follows at once. */
kept *kept_new (kata_process *process, const kept_fds *fds, int terminal, int running);
/** The process is about to run: its end is not told before kept_run(). */
void kept_hold (kept *kept);
/** It runs (@started), or it could not be started: copy its streams. */
void kept_run (kept *kept, int started);
/** Why it may be about to end by SIGKILL: the engine wants it, or the guest was short of memory. */
enum { KEPT_KILLED, KEPT_STARVED };
void kept_note (kept *kept, int what);
int kept_has_ended (kept *kept);
/** Its proxy on the host is gone: the process is killed, or soon will be. */
int kept_is_orphan (kept *kept);
/** Wait for the end, @timeout_ms at most. 0, or -1. */
int kept_wait (kept *kept, int64_t timeout_ms);
/** Tells the proxy that there will be no process any more, waits for the threads, frees. The process must have ended or been removed. */
void kept_free (kept *kept);

#endif
