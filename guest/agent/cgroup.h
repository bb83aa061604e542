/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: the cgroup v2 directory of a container: freezing and killing what is in it. */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include <stddef.h>

#include "fault.h"

#define CGROUP_ROOT   "/sys/fs/cgroup"
#define CGROUP_PARENT "/containers" /* below it, one per container */

/** Enables all controllers for the children of the root. Missing ones are no failure. */
void cgroup_enable_controllers (const char *directory);
/** The file @name of the container's cgroup. */
void cgroup_path (char *out, size_t size, const char *container_id, const char *name);
/** 0 or -1 with @fault set. */
int cgroup_freeze (const char *container_id, int freeze, struct fault *fault);
/** Kills every process in it. 0 or -1 with errno when there is no such cgroup. */
int cgroup_kill (const char *container_id);
/** Removes what is left of the directory, best effort. */
void cgroup_remove (const char *container_id);

#endif
