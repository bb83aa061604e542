/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* job: work in a thread of its own while the main thread answers signals, the terminal's size and the time limit. */
#ifndef KATACTL_JOB_H
#define KATACTL_JOB_H

#include "ctl.h"

typedef struct job {
  ctl *ctl;
  int (*work) (struct job *job); /* in the thread; returns the exit code */
  /** End everything by force, also while @work blocks in the library; main thread. NULL = it cannot. */
  void (*abort) (struct job *job);
  int64_t timeout_ms; /* 0 = none */
  int terminal;       /* the process has a terminal whose size follows ours */
  int supervisor;     /* signals end only this program, not the container */
  int closed_fd;      /* eventfd: our standard output is closed; set by job_run() */

  /* Set by the main thread, read by @work with job_interrupted(). */
  gint interrupted; /* signal number that ended it before the process ran */
  gint timed_out, output_closed;
  gint reported; /* a supervisor has said that it runs: the katactl that waited may go */
  GMutex lock;
  kata_process *process; /* set by job_set_process() once it runs */
  struct job_loop *loop;
} job;

/** Block the signals that the main thread wants to read; before any thread is made. */
void job_block_signals (void);
/** Run @job->work to its end; returns the exit code. */
int job_run (job *job);
/** The process runs: from now on signals are for it. NULL = it has ended. */
void job_set_process (job *job, kata_process *process);
/** Non-zero when @work should give up: a signal number, or 1 for the time limit. */
int job_interrupted (job *job);

#endif
