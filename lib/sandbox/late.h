/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* late: the steps by which a thing comes to a running machine and goes from it, and their order, which a crash at any point leaves repairable. */
#ifndef KATA_SANDBOX_LATE_H
#define KATA_SANDBOX_LATE_H

#include "sandbox/stage.h"

/** One kind of things. Two NULL-terminated lists in the state have them: of those that are there and of those that are on their way. */
struct kata_late_kind {
  const char *noun;         /* "disk" */
  const char *adds, *takes; /* the fault points before the machine changes */
  size_t there, half;       /* offsets of the lists in struct kata_sandbox_state */
  const char *(*id) (const void *thing);
  int (*change) (struct kata_operation *op, bool add, const void *thing, int64_t deadline_us, kata_error **err);
};

/** In the list at @offset of the state; the state is not saved. */
void kata_late__put (struct kata_operation *op, size_t offset, const void *thing);
void kata_late__take (struct kata_operation *op, size_t offset, const void *thing);
/** The list at @offset; nullable. */
const void *const *kata_late__list (const kata_sandbox_state *state, size_t offset);
/** By its id; NULL. */
const void *
kata_late__named (const kata_sandbox_state *state, const struct kata_late_kind *kind, size_t offset, const char *id);

/**
 * Into a running machine. The state that says so is saved before the machine changes; on failure nothing is left of it, or the state says what is.
 */
int kata_late__add (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing, kata_error **err);
/** Out of it. Until the guest has let go of it, its place is taken. */
int
kata_late__remove (struct kata_operation *op, const struct kata_late_kind *kind, const void *thing, kata_error **err);
/** Takes out what a call that failed, or whose process died, has left. What the guest still holds stays where it is, with a word in the log. */
void kata_late__mend (struct kata_operation *op, const struct kata_late_kind *kind);

#endif
