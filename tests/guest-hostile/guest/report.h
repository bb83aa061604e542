/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report: verdicts of a case, counted, and told to the host on the serial line. */
#ifndef HOSTILE_REPORT_H
#define HOSTILE_REPORT_H

#include "vdev.h"

/* What may come of a misdeed. */
#define MAY_NRST   1u /* DEVICE_NEEDS_RESET and an interrupt */
#define MAY_REJECT 2u /* refused, or answered, as the specification says */
#define MAY_IGNORE 4u /* nothing happens */

/** What follows is of case @number, on @what (a device or a part of the board). */
void report_begin (unsigned number, const char *what);
/** One misdeed; @how is one of MAY_*, @allowed are those that are right. */
void report (const char *misdeed, unsigned how, unsigned allowed);
/** As it should be or not: counts as @how. */
void report_check (const char *misdeed, bool good, unsigned how);
/** @wrong is "" or a fault. */
void report_wrong (const char *misdeed, const char *wrong);
/** "R <case> <what> NRST=… REJECT=… IGNORED=… BAD=…" */
void report_end (void);
/** The case is still at work: the host counts a second from here. */
void report_alive (void);

static inline unsigned
outcome_bit (enum outcome got)
{
  return got == NRST ? MAY_NRST : got == USED ? MAY_REJECT : MAY_IGNORE;
}

#endif
