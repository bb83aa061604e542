/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: one process that the host asked for, a container's init or an exec: its stdio, its signals and its end. */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include "agent.h"
#include "fault.h"
#include "path.h"
#include "stream.h"

struct process {
  char exec_id[PATH_ID_MAX + 1];
  struct agent *agent;
  int terminal;
  struct watch watch;
  int pid_fd; /* -1 before it runs */
  struct stream in, out, err;
  unsigned refs; /* under agent.lock, as the next two */
  int waited;    /* somebody has received its status */
  struct process *next;
};

/* What exists only while crun creates the process. */
struct process_birth {
  int stdio[3]; /* the child's ends; -1 with a terminal */
  int listen_fd;
  char console_path[64];
  char pid_path[64];
  uint64_t since; /* reaper_now() before crun ran */
};

/** A new object with one reference and its pipes or console socket. NULL with @fault set. */
struct process *
process_new (struct agent *agent, const char *exec_id, int terminal, struct process_birth *birth, struct fault *fault);
/** Takes the pid that crun has written and the console. 0 or -1 with @fault set. */
int process_adopt (struct process *process, struct process_birth *birth, struct fault *fault);
/** Always after process_new(), also on failure. */
void process_birth_clear (struct process_birth *birth);

struct process *process_ref (struct process *process);
void process_unref (struct process *process);
/** The same with agent.lock held; returns non-zero when it was the last one: then call process_free() without the lock. */
int process_unref_locked (struct process *process);
void process_free (struct process *process);

/** Waits for the end: the exit code, 128 + n for a signal, in @status. 0 or -1 with @fault set. */
int process_wait (struct process *process, ttrpc_request *request, int32_t *status, struct fault *fault);
/** Waits at most @timeout_ms (-1: for ever). Non-zero when it has ended. */
int process_wait_ms (struct process *process, int timeout_ms);
int process_has_ended (struct process *process);
/** Of one that has. */
int32_t process_status (struct process *process);
/** 0 or -1 with @fault set; a process that has ended is no failure. */
int process_signal (struct process *process, int number, struct fault *fault);
/** Non-zero if it is the first of its process namespace, which ignores all that it has no handler for, and has none for @number. */
int process_ignores_signal (struct process *process, int number);
/** The end of standard input; with a terminal in line mode the end-of-file character. */
void process_close_stdin (struct process *process, ttrpc_request *request);

#endif
