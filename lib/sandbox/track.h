/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* track: one process's output and end as calls in flight: a reader that gives up leaves its call for the next one, so nothing is lost. */
#ifndef KATA_SANDBOX_TRACK_H
#define KATA_SANDBOX_TRACK_H

#include "sandbox/link.h"

/** Of one process; shared by all handles to it within one sandbox handle. Thread-safe. */
typedef struct kata_track kata_track;

kata_track *kata_track__new (const char *container_id, const char *exec_id);
kata_track *kata_track__ref (kata_track *track);
kata_track *kata_track__unref (kata_track *track);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_track, kata_track__unref)

/** How long a caller waits: to a deadline, and while its handle's count of interruptions stays what it was when the call began. */
struct kata_track_patience {
  int64_t deadline_us;
  const gint *interrupts; /* (nullable): atomic */
  gint seen;
  bool looks; /* every second it gets KATA_TRACK_LOOK */
};

/** Not a failure: nothing has come yet, and the connection may have died without a word. Look at it and call again. */
#define KATA_TRACK_LOOK 1

/** Bytes of standard output or error; *n_read 0 = the end. KATA_E_TIMEOUT and KATA_E_CANCELLED keep the call. A call that an earlier
 * connection lost is begun anew. @length: 1 to 1 MiB. */
int kata_track__read (kata_track *track, kata_link *link, bool from_stderr, void *buffer, size_t length, size_t *n_read,
                      const struct kata_track_patience *patience, kata_error **err);

/** The exit status; asks the agent once however many wait. */
int kata_track__wait (kata_track *track, kata_link *link, int *status, const struct kata_track_patience *patience,
                      kata_error **err);

/** Lets all who wait look at their count again. */
void kata_track__wake (kata_track *track);

/** Begins the wait if none is under way; @done (nullable) is called once when it ends, on a thread of the connection's: it must not block. */
typedef void (*kata_track_fn) (void *user, kata_track *track, int status, const kata_error *error);
void kata_track__watch (kata_track *track, kata_link *link, kata_track_fn done, void *user, GDestroyNotify user_free);

/** Has it ended? Begins the wait if none is under way, and only then waits at most @first_ms for the answer. */
bool kata_track__poll (kata_track *track, kata_link *link, int *status, int64_t first_ms);

/** True with the status once it is known. */
bool kata_track__ended (kata_track *track, int *status);
const char *kata_track__container_id (kata_track *track);

#endif
