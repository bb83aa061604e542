/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* progress: one line on stderr while something takes longer than a second; only on a terminal. */
#ifndef KATACTL_PROGRESS_H
#define KATACTL_PROGRESS_H

#include "ctl.h"

typedef struct progress progress;

/** Begin; NULL (which the others accept) when nobody would see it: no terminal, --json, a supervisor. */
progress *progress_begin (ctl *ctl, const char *what);
/** Say what is done now; @what is a static string. */
void progress_set (progress *progress, const char *what);
/** Wipe the line and free. Sets the variable to NULL. */
void progress_end (progress **progress);

#endif
