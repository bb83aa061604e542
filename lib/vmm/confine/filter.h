/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filter: writes the classic BPF program of one kind of thread from rules.h; pure. */
#ifndef KATA_VMM_CONFINE_FILTER_H
#define KATA_VMM_CONFINE_FILTER_H

#include <linux/filter.h>
#include <sys/types.h>

#include "vmm/confine/rules.h"

#define VMM_FILTER_MAX 512

struct vmm_filter {
  unsigned short len;
  struct sock_filter code[VMM_FILTER_MAX];
};

/** @self: the pid of VMM_CHECK_SELF. @embedded: see seccomp.h. False when it does not fit. */
bool vmm_filter__compile (struct vmm_filter *out, unsigned kind, pid_t self, bool embedded);

#endif
