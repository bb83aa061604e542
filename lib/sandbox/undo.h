/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* undo: replays a journal backwards; the one way in which failure, stop, delete and recovery clean up. */
#ifndef KATA_SANDBOX_UNDO_H
#define KATA_SANDBOX_UNDO_H

#include <stdint.h>

#include "sandbox/fault.h"

/**
 * Undoes the records of @scope (NULL = all), newest first, and removes those that succeeded from the journal. Everything is tried; the first failure
 * is returned, and its record stays. What is gone already is no failure. Needs the directory's lock.
 */
int
kata_undo__replay (int dirfd, const char *scope, int64_t deadline_us, const struct kata_fault *fault, kata_error **err);

/** The same of one network device's records: the qdisc of the interface @name, the link @device or the one beside the interface @index (0 = none). */
int kata_undo__network (int dirfd, const char *name, const char *device, uint32_t index, int64_t deadline_us,
                        const struct kata_fault *fault, kata_error **err);

#endif
