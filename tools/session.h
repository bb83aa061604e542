/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session: one container in a sandbox of its own from creation to its end, in the foreground or under a supervisor. */
#ifndef KATACTL_SESSION_H
#define KATACTL_SESSION_H

#include "job.h"
#include "request.h"
#include "timing.h"

typedef struct session {
  job job; /* first: the job's address is the session's */
  request *request;
  int interactive; /* standard input is copied */
  int keep;        /* the sandbox stays, stopped, until it is deleted */
  int detached;    /* output goes to the log; the katactl that waits gets a report */
  timing *timing;
  kata_sandbox *sandbox; /* under job.lock: job.abort needs it */
  kata_container *container;
  char *id;
  int lock_fd;                     /* of the record, -1 = none is kept */
  struct metrics_monitor *monitor; /* (nullable): where there is a record */
} session;

/** Run @session->request; @session is filled in but for job.work and what comes after timing. Returns the exit code. */
int session_run (session *session);
/** Take over a container that runs, @id: drain and record it. Returns the exit code. */
int session_take_over (session *session, const char *id);

#endif
