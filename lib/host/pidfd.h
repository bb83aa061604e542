/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pidfd: a process named by pid and start time, so that a reused number is never signalled; it starts no process. */
#ifndef KATA_HOST_PIDFD_H
#define KATA_HOST_PIDFD_H

#include <stdbool.h>
#include <stdint.h>

#include <kata/error.h>

/** Who a process is, for as long as the host runs. */
typedef struct kata_pid_identity {
  int64_t pid;
  uint64_t start_time; /* field 22 of /proc/PID/stat, in clock ticks since boot */
} kata_pid_identity;

/** How a child ended; @known is false for a process that is not (or no longer) our child. */
typedef struct kata_exit_status {
  bool known;
  int code;   /* exit code, 0 if killed */
  int signal; /* signal number, 0 if it exited */
} kata_exit_status;

/** Now on CLOCK_MONOTONIC in µs, the clock of all deadlines; INT64_MAX = no deadline. */
int64_t kata_deadline__now (void);
/** Milliseconds until @deadline_us for poll(): 0 when it has passed, -1 for none, rounded up. */
int kata_deadline__poll_ms (int64_t deadline_us);
/** As a deadline: @ms from now, but no later than @deadline_us. */
int64_t kata_deadline__within (int64_t deadline_us, int64_t ms);

/** Reads @pid's start time. KATA_E_NOT_FOUND if there is no such process (a zombie counts as one that is there). */
int kata_pidfd__identify (kata_pid_identity *out, int64_t pid, kata_error **err);

/**
 * Opens the process if it is still the same one. KATA_E_NOT_FOUND when it is gone or its number belongs to another by now. The start time is
 * read after the descriptor exists, so the two cannot be about different processes.
 */
int kata_pidfd__open (int *pidfd, const kata_pid_identity *identity, kata_error **err);

/** Sends a signal; a process that has ended already is not an error. */
int kata_pidfd__signal (int pidfd, int signo, kata_error **err);

/** Waits for the end (a zombie has ended) without reaping. KATA_E_TIMEOUT after @deadline_us. */
int kata_pidfd__wait (int pidfd, int64_t deadline_us, kata_error **err);

/** Has it ended? Never blocks. */
bool kata_pidfd__ended (int pidfd);

/** Reaps an ended child and says how it ended; for other processes, or one that runs, @out->known is false. Never blocks, can be repeated. */
void kata_pidfd__reap (int pidfd, kata_exit_status *out);

/** SIGKILL, wait, reap. */
int kata_pidfd__kill (int pidfd, int64_t deadline_us, kata_error **err);

/** "exit status 1", "killed by signal 11 (Segmentation fault)", "ended"; g_free(). */
char *kata_exit_status__text (const kata_exit_status *status);

#endif
