/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spawn: starts a pod's keeper in the background and waits until it listens. */
#ifndef KATACTL_VERBS_SPAWN_H
#define KATACTL_VERBS_SPAWN_H

#include "verbs/oci.h"

/** Where the keeper reports: "ready", or why not. */
#define SPAWN_REPORT_FD 3

/** 0, or @exit_code after an error was written. @cgroup (nullable): where the keeper and the virtual machine go. */
int spawn_keeper (oci *oci, int exit_code, const char *sandbox, const char *cgroup);

#endif
