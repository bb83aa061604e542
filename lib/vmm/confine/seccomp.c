/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seccomp: rules into programs, by libseccomp, before they are needed: to install one then takes one system call and no memory. */
#include "vmm/confine/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/confine/layer.h"

struct program {
  unsigned short len;
  struct sock_filter *filter;
};

struct vmm_filters {
  struct program programs[VMM_RULES_KINDS];
};

/* The commands that fcntl() may be asked for. */
static const int fcntl_commands[] = {
  F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_OFD_SETLK, F_OFD_GETLK, F_ADD_SEALS, F_GET_SEALS,
};

static int
allow_requests (scmp_filter_ctx ctx, unsigned kind)
{
  int r = 0;
  for (size_t i = 0; i < vmm_rule_requests_count && r == 0; i++)
    if ((vmm_rule_requests[i].kinds >> kind & 1) != 0 &&
        (kind != VMM_RULES_BUILD || (vmm_rule_requests[i].request >> 8 & 0xff) != KVMIO))
      r = seccomp_rule_add (ctx, SCMP_ACT_ALLOW, SCMP_SYS (ioctl), 1,
                            SCMP_A1 (SCMP_CMP_EQ, vmm_rule_requests[i].request));
  /* Building a machine is made of dozens of KVM's requests: its whole type. */
  if (r == 0 && kind == VMM_RULES_BUILD)
    r = seccomp_rule_add (ctx, SCMP_ACT_ALLOW, SCMP_SYS (ioctl), 1,
                          SCMP_A1 (SCMP_CMP_MASKED_EQ, 0xff00u, (scmp_datum_t) KVMIO << 8));
  return r;
}

static int
allow_fcntl (scmp_filter_ctx ctx)
{
  int r = 0;
  for (size_t i = 0; i < sizeof fcntl_commands / sizeof fcntl_commands[0] && r == 0; i++)
    r = seccomp_rule_add (ctx, SCMP_ACT_ALLOW, SCMP_SYS (fcntl), 1,
                          SCMP_A1 (SCMP_CMP_EQ, (scmp_datum_t) fcntl_commands[i]));
  return r;
}

static int
allow (scmp_filter_ctx ctx, const struct vmm_rule *rule, unsigned kind)
{
  const uint32_t yes = SCMP_ACT_ALLOW;
  int r;
  switch (rule->check) {
  case VMM_CHECK_NONE:
    return seccomp_rule_add (ctx, yes, rule->number, 0);
  case VMM_CHECK_IOCTL:
    return allow_requests (ctx, kind);
  case VMM_CHECK_FCNTL:
    return allow_fcntl (ctx);
  case VMM_CHECK_NO_EXEC:
    return seccomp_rule_add (ctx, yes, rule->number, 1, SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  case VMM_CHECK_UNIX:
    return seccomp_rule_add (ctx, yes, rule->number, 1, SCMP_A0 (SCMP_CMP_EQ, AF_UNIX));
  case VMM_CHECK_SELF:
    return seccomp_rule_add (ctx, yes, rule->number, 1, SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) getpid ()));
  case VMM_CHECK_THREAD:
    return seccomp_rule_add (ctx, yes, rule->number, 1, SCMP_A0 (SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  case VMM_CHECK_NOSYS:
    return seccomp_rule_add (ctx, SCMP_ACT_ERRNO (ENOSYS), rule->number, 0);
  case VMM_CHECK_NAME:
    r = seccomp_rule_add (ctx, yes, rule->number, 1, SCMP_A0 (SCMP_CMP_EQ, PR_SET_NAME));
    return r < 0 ? r : seccomp_rule_add (ctx, yes, rule->number, 1, SCMP_A0 (SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS));
  }
  return -EINVAL;
}

/* What a foreign allocator may need on a thread: room in a heap of the thread's own. */
static int
allow_embedded (scmp_filter_ctx ctx)
{
  int r = seccomp_rule_add (ctx, SCMP_ACT_ALLOW, SCMP_SYS (mprotect), 1, SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  return r < 0 ? r : seccomp_rule_add (ctx, SCMP_ACT_ALLOW, SCMP_SYS (sched_getaffinity), 0);
}

/* libseccomp of this age writes programs to a descriptor only. */
static int
take_program (scmp_filter_ctx ctx, struct program *out)
{
  struct stat st;
  kata_auto_fd int fd = memfd_create ("filter", MFD_CLOEXEC);
  if (fd < 0)
    return -errno;
  int r = seccomp_export_bpf (ctx, fd);
  if (r < 0)
    return r;
  if (fstat (fd, &st) < 0)
    return -errno;
  size_t size = (size_t) st.st_size;
  if (size == 0 || size % sizeof (struct sock_filter) != 0 || size / sizeof (struct sock_filter) > BPF_MAXINSNS)
    return -EINVAL;
  struct sock_filter *filter = malloc (size);
  if (filter == NULL)
    return -ENOMEM;
  if (pread (fd, filter, size, 0) != (ssize_t) size) {
    free (filter);
    return -EIO;
  }
  *out = (struct program){ (unsigned short) (size / sizeof *filter), filter };
  return 0;
}

static int
compile (struct program *out, unsigned kind, bool embedded)
{
  scmp_filter_ctx ctx = seccomp_init (SCMP_ACT_KILL_PROCESS);
  if (ctx == NULL)
    return -ENOMEM;
  int r = seccomp_attr_set (ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (r == 0)
    seccomp_attr_set (ctx, SCMP_FLTATR_CTL_OPTIMIZE,
                      2); /* a search tree; the old library that cannot still makes a list */
  for (size_t i = 0; i < vmm_rules_count && r == 0; i++)
    if ((vmm_rules[i].kinds >> kind & 1) != 0)
      r = allow (ctx, &vmm_rules[i], kind);
  if (r == 0 && embedded && kind != VMM_RULES_BUILD)
    r = allow_embedded (ctx);
  if (r == 0)
    r = take_program (ctx, out);
  seccomp_release (ctx);
  return r;
}

int
vmm_filters__new (struct vmm_filters **out, bool embedded, kata_error **err)
{
  struct vmm_filters *filters = calloc (1, sizeof *filters);
  if (filters == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "seccomp: no memory");
  for (unsigned kind = 0; kind < VMM_RULES_KINDS; kind++) {
    int r = compile (&filters->programs[kind], kind, embedded);
    if (r < 0) {
      vmm_filters__free (filters);
      return kata_error__errno (err, KATA_E_INTERNAL, NULL, -r, "seccomp: make the filter of %s threads",
                                vmm_rules__kind_name (kind));
    }
  }
  *out = filters;
  return 0;
}

void
vmm_filters__free (struct vmm_filters *filters)
{
  if (filters == NULL)
    return;
  for (unsigned kind = 0; kind < VMM_RULES_KINDS; kind++)
    free (filters->programs[kind].filter);
  free (filters);
}

int
vmm_filters__install (const struct vmm_filters *filters, unsigned kind, kata_error **err)
{
  if (kind >= VMM_RULES_KINDS)
    return kata_error__set (err, KATA_E_INTERNAL, NULL, "seccomp: no such kind of thread");
  const struct sock_fprog program = { filters->programs[kind].len, filters->programs[kind].filter };
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
    return vmm_layer__missing (err, VMM_LAYER_SECCOMP, errno, "install a filter");
  return 0;
}
