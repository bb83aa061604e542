/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: the handle behind kata_process. */
#ifndef KATA_SANDBOX_PROCESS_H
#define KATA_SANDBOX_PROCESS_H

#include <kata/process.h>

#include "sandbox/container.h"

struct kata_process {
  gatomicrefcount refs;
  kata_container *container;
  char *exec_id; /* "" = the container's first process */
  bool terminal;
  gint stdin_closed; /* atomic */
  struct {
    gint read, write, wait;
  } interrupts;      /* atomic: how often kata_process_interrupt() was called */
  GMutex lock;       /* of @writes; taken before a track's */
  GPtrArray *writes; /* kata_agent_pending in flight, borrowed from those who wait for them */
  kata_track *track;
};

int kata_process__of_container (kata_process **out, kata_container *container, kata_error **err);
/** For exec.c. */
kata_process *kata_process__new_exec (kata_container *container, const char *exec_id, bool terminal);
/** Connects to the process's agent. KATA_E_NOT_FOUND when its container was deleted. */
int kata_process__reach (kata_link **link, kata_process *process, const struct kata_track_patience *patience,
                         kata_error **err);
/** Calls in flight of a connection that broke are explained by what happened to the guest. Takes @error. */
int kata_process__finish (kata_process *process, kata_link *link, int r, kata_error *error, kata_error **err);
int kata_process__exec (kata_process **out, kata_container *container, const kata_exec_options *options,
                        int64_t timeout_ms, kata_error **err);
void kata_process__free (kata_process *process);
int kata_process__read (kata_process *process, bool from_stderr, void *buffer, size_t length, size_t *n_read,
                        int64_t timeout_ms, kata_error **err);
void kata_process__interrupt (kata_process *process, uint32_t calls);
int kata_process__write (kata_process *process, const void *data, size_t length, size_t *n_written, int64_t timeout_ms,
                         kata_error **err);
int kata_process__close_stdin (kata_process *process, int64_t timeout_ms, kata_error **err);
int kata_process__resize (kata_process *process, uint32_t rows, uint32_t columns, int64_t timeout_ms, kata_error **err);
int kata_process__signal (kata_process *process, int signum, int64_t timeout_ms, kata_error **err);
int kata_process__wait (kata_process *process, int *exit_status, int64_t timeout_ms, kata_error **err);

#endif
