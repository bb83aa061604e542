/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks: runs the programs that config.json names for a step of a container's life. */
#ifndef KATACTL_VERBS_HOOKS_H
#define KATACTL_VERBS_HOOKS_H

#include "verbs/entry.h"

/** state JSON as `state` prints it (g_free()). */
char *hooks_state (const entry *entry, const char *status);
/**
 * Run all of @kind ("prestart", …) with the state on standard input, in their order. The first failure ends it, but for poststart
 * and poststop. 0, or -1 with *why (NULL before; g_free()) of the first.
 * The entry's config must be loaded.
 */
int hooks_run (const entry *entry, const char *kind, const char *status, char **why);

#endif
