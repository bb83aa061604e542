/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resolve: from what the user wrote (an id, the unique beginning of one, ID/CONTAINER) to handles. */
#ifndef KATACTL_RESOLVE_H
#define KATACTL_RESOLVE_H

#include "ctl.h"

/** The whole id of the sandbox that @word means; NULL after printing why not. g_free(). A "/CONTAINER" behind it is ignored. */
char *resolve_id (ctl *ctl, const char *word);
/** The sandbox itself. Returns 0, or an exit code after printing why not. */
int resolve_sandbox (ctl *ctl, const char *word, kata_sandbox **sandbox);
/** The sandbox and the named or first container in it. */
int resolve_container (ctl *ctl, const char *word, kata_sandbox **sandbox, kata_container **container);

#endif
