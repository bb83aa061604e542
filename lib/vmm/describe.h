/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: a machine and its jail as text, `key=value` lines, from the host's side to kata-vmm; it opens and starts nothing. */
#ifndef KATA_VMM_DESCRIBE_H
#define KATA_VMM_DESCRIBE_H

#include "vmm/layout.h"
#include "vmm/machine.h"

/** A text has at most this many bytes. */
#define VMM_DESCRIBE_MAX 32768
/** The first line is "kata-vmm=" and this. */
#define VMM_DESCRIBE_VERSION 1
/** Descriptors in a text lie in [VMM_DESCRIBE_FD_FIRST, VMM_DESCRIBE_FD_LAST]; below are the standard ones and the start socket. */
#define VMM_DESCRIBE_FD_FIRST 4
#define VMM_DESCRIBE_FD_LAST  1000
/** Number of the start socket in kata-vmm. */
#define VMM_DESCRIBE_START_FD 3
/** Descriptors that one description can name. */
#define VMM_DESCRIBE_FDS_MAX  192
#define VMM_DESCRIBE_OOM_KEEP INT32_C (-10000)

/** What kata-vmm is told: the machine, and how it is to be confined and spoken to. */
struct vmm_description {
  size_t size;
  struct vmm_machine_config machine; /* confine, log and ctx do not travel */
  int control_fd;                    /* listening SOCK_SEQPACKET unix socket; -1 = none */
  uint32_t control_uid;              /* who may use it, as kata-vmm sees it in its user namespace: the creator */
  int log_fd;                        /* -1 = standard error */
  uint64_t log_limit;                /* bytes kept of debug messages; the last line is always written */
  uint64_t
      host_userns; /* inode of the creator's /proc/self/ns/user, so that kata-vmm can see that its own is another */
  uint32_t waived; /* 1 << enum vmm_layer (confine/layer.h) */
  uint32_t uid,
      gid; /* when it starts as the host's root without a user namespace: what it becomes; 0 = refused unless waived */
  int32_t oom_score;             /* /proc/self/oom_score_adj, -1000 to 1000; VMM_DESCRIBE_OOM_KEEP = as inherited */
  char cmdline[VMM_CMDLINE_MAX]; /* storage for machine.cmdline after a parse */
};

/** All descriptors -1, no device, nothing waived. */
void vmm_description__init (struct vmm_description *description);

/** A descriptor of the writer's and the number under which kata-vmm finds it. */
struct vmm_describe_fd {
  int fd, target;
};

/**
 * The text of @description (free()). With @fds (VMM_DESCRIBE_FDS_MAX entries) every descriptor is given a number from VMM_DESCRIBE_FD_FIRST on and
 * noted there, a repeated one once; without, the numbers go as they are. KATA_E_INVALID or KATA_E_LIMIT with the key. Outputs are untouched on failure.
 */
int vmm_describe__write (char **out, struct vmm_describe_fd *fds, size_t *n_fds,
                         const struct vmm_description *description, kata_error **err);

/**
 * Reads a text; it need not end with a NUL. KATA_E_INVALID or KATA_E_LIMIT with the key: unknown, twice, out of range, missing. *out is untouched
 * on failure and must not move afterwards: machine.cmdline points into it.
 */
int vmm_describe__parse (struct vmm_description *out, const char *text, size_t len, kata_error **err);

/** All open descriptors that @description names, ascending, each once; returns how many, at most VMM_DESCRIBE_FDS_MAX. */
size_t vmm_describe__fds (const struct vmm_description *description, int out[VMM_DESCRIBE_FDS_MAX]);

#endif
