/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scope: asks systemd for the transient scope that an engine with the systemd cgroup driver means. */
#ifndef KATACTL_VERBS_SCOPE_H
#define KATACTL_VERBS_SCOPE_H

#include <stdint.h>

/**
 * @written: linux.cgroupsPath as "slice:prefix:name"; @pid goes into the scope, which ends with the last process in it. 0; 1 where no systemd
 * runs that could be asked; -1 with *why (g_free()).
 */
int scope_enter (const char *written, int64_t pid, const char *description, char **why);

#endif
