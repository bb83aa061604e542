/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verbs: what several verbs ask. */
#ifndef KATACTL_VERBS_VERBS_H
#define KATACTL_VERBS_VERBS_H

#include "verbs/entry.h"

/** "created", "running", "paused", "stopped", or "creating" (g_free()). */
char *verbs_status (oci *oci, const entry *entry);

#endif
