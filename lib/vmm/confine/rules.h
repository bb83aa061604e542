/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rules: which system calls each kind of thread may make, and with which arguments; data only. docs/security.md is checked against it. */
#ifndef KATA_VMM_CONFINE_RULES_H
#define KATA_VMM_CONFINE_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/machine.h"

/** While the machine is built, on the one thread there is; all threads keep this filter below their own. */
#define VMM_RULES_BUILD ((unsigned) VMM_THREAD_DISK + 1)
#define VMM_RULES_KINDS (VMM_RULES_BUILD + 1)

enum vmm_rule_check {
  VMM_CHECK_NONE = 0,
  VMM_CHECK_IOCTL,   /* one of vmm_rule_requests[] */
  VMM_CHECK_NO_EXEC, /* third argument without PROT_EXEC */
  VMM_CHECK_UNIX,    /* first argument AF_UNIX */
  VMM_CHECK_SELF,    /* first argument our own pid */
  VMM_CHECK_THREAD,  /* clone: with CLONE_THREAD, so no process */
  VMM_CHECK_FCNTL,   /* flags, dup, OFD locks, seals */
  VMM_CHECK_NAME,    /* prctl: PR_SET_NAME and PR_SET_NO_NEW_PRIVS */
  VMM_CHECK_DENIED,  /* answered with EACCES: an error's text may try to look something up */
  VMM_CHECK_NOSYS, /* answered with ENOSYS: its arguments are out of a filter's sight, and libc knows what to do without */
};

struct vmm_rule {
  const char *name;
  int number;
  unsigned kinds; /* 1 << enum vmm_thread, 1 << VMM_RULES_BUILD */
  enum vmm_rule_check check;
};

struct vmm_rule_request {
  const char *name;
  unsigned long request;
  unsigned kinds;
};

/** AUDIT_ARCH_… of the numbers. */
extern const uint32_t vmm_rules_arch;
extern const struct vmm_rule vmm_rules[];
extern const size_t vmm_rules_count;
extern const struct vmm_rule_request vmm_rule_requests[];
extern const size_t vmm_rule_requests_count;

/** "vcpu", "loop", "disk", "build". */
const char *vmm_rules__kind_name (unsigned kind);

#endif
