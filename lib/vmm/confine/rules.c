/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rules: the table. A system call is added with the code that needs it, and its line in docs/security.md. */
#include "vmm/confine/rules.h"

#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define V   (1u << VMM_THREAD_VCPU)
#define L   (1u << VMM_THREAD_LOOP)
#define D   (1u << VMM_THREAD_DISK)
#define B   (1u << VMM_RULES_BUILD)
#define VL  (V | L)
#define LD  (L | D)
#define VLD (V | L | D)

/* Every kind may do what it has a letter for; building may do all that any kind may. */
#define RULE(name, kinds)                                                                                              \
  {                                                                                                                    \
#name, SYS_##name, (kinds) | B, VMM_CHECK_NONE                                                                     \
  }
#define CHECKED(name, kinds, ch)                                                                                       \
  {                                                                                                                    \
#name, SYS_##name, (kinds) | B, VMM_CHECK_##ch                                                                     \
  }

/* clang-format off */
const struct vmm_rule vmm_rules[] = {
  /* Every thread: to lock, to end, to come back from a signal, memory that holds no code. */
  RULE (futex, VLD), RULE (exit, VLD), RULE (exit_group, L), RULE (rt_sigreturn, L), RULE (rt_sigprocmask, VLD),
  RULE (madvise, VLD), RULE (munmap, VLD), RULE (brk, VLD), CHECKED (mmap, VLD, NO_EXEC), RULE (clock_gettime, VLD),
  RULE (read, VLD), RULE (write, VLD), CHECKED (ioctl, VLD, IOCTL),
  /* vCPUs and the loop: devices are configured from vCPUs, and one thread stops the others with a signal. */
  RULE (close, VL), RULE (epoll_ctl, VL), RULE (getpid, VL), CHECKED (tgkill, VL, SELF), RULE (io_uring_enter, VL),
  RULE (sendmsg, VL), RULE (recvmsg, VL), RULE (rt_sigtimedwait, V), RULE (poll, VL),
  /* The loop. */
  RULE (epoll_wait, L), RULE (epoll_pwait, L), RULE (accept4, L), RULE (recvfrom, L),
  RULE (sendto, L), RULE (getsockopt, L), RULE (shutdown, L), CHECKED (socketpair, L, UNIX), RULE (getrandom, L),
  RULE (readv, L), RULE (writev, L), CHECKED (fcntl, L, FCNTL), RULE (restart_syscall, LD), RULE (mremap, L),
  /* Disk threads; the loop gives back what the balloon holds. */
  RULE (preadv, D), RULE (pwritev, D), RULE (fdatasync, D), RULE (fallocate, LD),
  /* Only while the machine is built. */
  CHECKED (clone, 0, THREAD), CHECKED (clone3, 0, NOSYS), CHECKED (mprotect, 0, NO_EXEC), CHECKED (prctl, 0, NAME),
  CHECKED (openat, 0, DENIED), RULE (set_robust_list, 0), RULE (rseq, 0), RULE (rt_sigaction, 0), RULE (seccomp, 0),
  RULE (memfd_create, 0), RULE (ftruncate, 0), RULE (newfstatat, 0), RULE (fstat, 0), RULE (pread64, 0),
  RULE (epoll_create1, 0),
  RULE (eventfd2, 0), RULE (io_uring_setup, 0), RULE (io_uring_register, 0),
};

/* While it is built, all of KVM's are allowed. */
#define REQUEST(name, kinds) { #name, name, (kinds) | B }

const struct vmm_rule_request vmm_rule_requests[] = {
  REQUEST (KVM_RUN, V), REQUEST (KVM_KVMCLOCK_CTRL, V),
  REQUEST (KVM_IRQFD, VL), REQUEST (KVM_IOEVENTFD, VL), REQUEST (KVM_SET_GSI_ROUTING, VL),
  REQUEST (TUNSETOFFLOAD, VL), REQUEST (TUNSETVNETHDRSZ, VL), REQUEST (TUNSETQUEUE, VL),
  REQUEST (BLKDISCARD, LD), REQUEST (BLKZEROOUT, LD), REQUEST (BLKSECDISCARD, LD),
  REQUEST (BLKGETSIZE64, 0), REQUEST (BLKSSZGET, 0), REQUEST (BLKPBSZGET, 0), REQUEST (BLKROGET, 0), REQUEST (BLKIOOPT, 0),
  REQUEST (BLKDISCARDZEROES, 0),
  REQUEST (TUNGETIFF, 0), REQUEST (TUNGETFEATURES, 0), REQUEST (TUNSETVNETLE, 0), REQUEST (TUNGETVNETHDRSZ, 0),
  REQUEST (FIONBIO, 0), REQUEST (FIONREAD, 0),
};
/* clang-format on */

const uint32_t vmm_rules_arch = AUDIT_ARCH_X86_64;
const size_t vmm_rules_count = sizeof vmm_rules / sizeof vmm_rules[0];
const size_t vmm_rule_requests_count = sizeof vmm_rule_requests / sizeof vmm_rule_requests[0];

const char *
vmm_rules__kind_name (unsigned kind)
{
  static const char *const names[VMM_RULES_KINDS] = { "vcpu", "loop", "disk", "build" };
  return kind < VMM_RULES_KINDS ? names[kind] : NULL;
}
