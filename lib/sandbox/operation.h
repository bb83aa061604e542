/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* operation: what every change of a sandbox begins and ends with: the locks, the state as it is on disk, the deadline, a journal. */
#ifndef KATA_SANDBOX_OPERATION_H
#define KATA_SANDBOX_OPERATION_H

#include "sandbox/journal.h"
#include "sandbox/sandbox.h"

struct kata_operation {
  kata_sandbox *sandbox;
  kata_sandbox_state *state; /* read under the lock; NULL: see @any */
  int64_t deadline_us;
  struct kata_journal journal;
  int64_t step_us; /* when the present step began */
  /* Start: descriptors for the machine's network devices, until it has them. */
  int *nic_fds, *vhost_fds;
  size_t n_nic_fds, n_vhost_fds;
  const struct kata_snapshot_source *source; /* (nullable): what it is restored from */
};

struct kata_operation_options {
  const char *what; /* "start", for errors */
  unsigned allowed; /* bits 1 << enum kata_state; 0 = all */
  int64_t timeout_ms;
  /* Which of the plan's times KATA_TIMEOUT_DEFAULT means. */
  size_t default_offset; /* offsetof (kata_plan, …_timeout_ms) */
  bool any;              /* a state that is missing or corrupt is no failure; it is NULL then */
  bool yielding;         /* another operation of this handle: KATA_E_BUSY at once */
};

/**
 * Takes the locks, reads the state, notices a virtual machine that has ended (and writes that down), checks that the state allows it.
 * KATA_E_BUSY, KATA_E_NOT_FOUND, KATA_E_CORRUPT, KATA_E_STATE. On failure nothing is held.
 */
int kata_operation__begin (struct kata_operation *op, kata_sandbox *sandbox,
                           const struct kata_operation_options *options, kata_error **err);
void kata_operation__end (struct kata_operation *op);

/** Writes the state; a fault point. */
int kata_operation__save (struct kata_operation *op, kata_error **err);
/** Notes how long the step took that ends here, and begins the next. */
void kata_operation__timing (struct kata_operation *op, const char *name);
/** Journal records of what follows belong to @scope. */
void kata_operation__scope (struct kata_operation *op, const char *scope);
/** Takes a descriptor; @vhost: of /dev/vhost-net, else of a queue. */
void kata_operation__add_nic_fd (struct kata_operation *op, bool vhost, int fd);
/** Closes them; the end does it too. */
void kata_operation__drop_nic_fds (struct kata_operation *op);
int kata_operation__fault (struct kata_operation *op, const char *name, kata_error **err);

#endif
