/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jail: shuts the calling process in: everything but its open descriptors is gone afterwards. System calls are seccomp.h's part. */
#ifndef KATA_VMM_CONFINE_JAIL_H
#define KATA_VMM_CONFINE_JAIL_H

#include <stddef.h>

#include "vmm/confine/layer.h"

struct vmm_jail {
  uint32_t waived;         /* 1 << enum vmm_layer */
  uint64_t host_userns;    /* inode of the user namespace of who started us */
  uint32_t uid, gid;       /* to become, where we are root of a user namespace that is not our own */
  int32_t oom_score;       /* -1000 to 1000; other = as inherited */
  uint64_t file_size;      /* RLIMIT_FSIZE: no file grows beyond */
  uint64_t files, threads; /* RLIMIT_NOFILE, RLIMIT_NPROC */
};

/**
 * Enters it, for ever. The process has one thread, was cloned into its own user and PID namespaces (unless waived) and has all its descriptors.
 * KATA_E_HOST naming the layer (vmm_layer__missing()): the process is then half confined and should end.
 */
int vmm_jail__enter (const struct vmm_jail *jail, kata_error **err);

/** Closes every descriptor from @first on that is not in @keep (ascending). */
int vmm_jail__close_others (int first, const int *keep, size_t n, kata_error **err);

#endif
