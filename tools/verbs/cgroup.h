/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: the host's cgroup that an engine names for a container: entered by its proxy, removed with it; no limits are set. */
#ifndef KATACTL_VERBS_CGROUP_H
#define KATACTL_VERBS_CGROUP_H

#include "verbs/oci.h"

/** The path below each hierarchy for linux.cgroupsPath as written ("slice:prefix:name" with @systemd); NULL = not usable. */
char *cgroup_path (const char *written, int systemd);
/** Make @path where a hierarchy is mounted and put @pid there. What cannot be done is left: limits are the guest's. */
void cgroup_enter (oci *oci, const char *path, int64_t pid);
/** Remove @path, and above it the empty folders that were made here; what still has processes stays. */
void cgroup_remove (oci *oci, const char *path);

#endif
