/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record: what katactl keeps of a named or detached run beside the library's state: who supervises it, how it ended, its log. */
#ifndef KATACTL_RECORD_H
#define KATACTL_RECORD_H

#include "ctl.h"

/** How a run ended, or that it has not. */
typedef struct record_status {
  int exists;       /* there is a record at all */
  int exit_status;  /* -1 = not known (yet) */
  int64_t finished; /* Unix time, 0 = not yet */
  char *command;    /* (nullable) */
  char *error;      /* (nullable): why it ended, when it was no exit of its own */
} record_status;

/** STATE_DIR/.katactl/ID; the leading dot is no id, so the library does not see it. g_free(). */
char *record_directory (ctl *ctl, const char *id);
/** Make the directory anew for a run of @command and hold its lock. Returns the lock's descriptor, or -1 with errno. */
int record_begin (ctl *ctl, const char *id, const char *const *command);
/** Take over the lock of a run whose supervisor is gone: a descriptor, or -1 with errno (EWOULDBLOCK = it lives). */
int record_take_over (ctl *ctl, const char *id);
/** Write down how it ended; @exit_status -1 = unknown. The lock stays until its descriptor is closed. */
void record_finish (ctl *ctl, const char *id, int exit_status, const char *error);
/** Is a living process supervising this run? */
int record_is_supervised (ctl *ctl, const char *id);
void record_read (ctl *ctl, const char *id, record_status *status);
void record_status_clear (record_status *status);
/** Wait until the supervisor is gone, at most @timeout_ms; 0 or -1. */
int record_wait_supervisor (ctl *ctl, const char *id, int64_t timeout_ms);
/** Remove the directory. */
void record_remove (ctl *ctl, const char *id);
/** Remove the directories of sandboxes that are not in @ids. */
void record_sweep (ctl *ctl, char *const *ids);

#endif
