/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timing: how long the parts of a run took, for --trace-timing; the parts inside a sandbox's start come from the library. */
#ifndef KATACTL_TIMING_H
#define KATACTL_TIMING_H

#include "ctl.h"

typedef struct timing timing;

/** Begin at @started_us; @enabled 0 = the other calls do nothing. */
timing *timing_new (int64_t started_us, int enabled);
void timing_free (timing *timing);
/** The part that ends now is called @name; any thread. */
void timing_mark (timing *timing, const char *name);
/** Like timing_mark(), with the library's own division of it from kata_sandbox_inspect(). */
void timing_mark_sandbox (timing *timing, const char *name, kata_sandbox *sandbox);
/** Only the first call counts, whatever the stream. */
void timing_first_byte (timing *timing);
/** Print to stderr: a table, or one line of JSON. */
void timing_print (timing *timing, ctl *ctl);

#endif
