/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* filter: one block per rule: is it this number? then its arguments decide. What no block takes is killed. */
#include "vmm/confine/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* On x86, numbers from here on are those of the x32 ABI. */
#define NUMBER_LIMIT 0x40000000u
/* The low half of an argument: all arguments that are looked at are ints, or flags in it, and the kernel looks at no more. */
#define ARGUMENT(i) ((uint32_t) (offsetof (struct seccomp_data, args) + 8u * (i)))

static const uint32_t fcntl_commands[] = {
  F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_OFD_SETLK, F_OFD_GETLK, F_ADD_SEALS, F_GET_SEALS,
};
static const uint32_t prctl_options[] = { PR_SET_NAME, PR_SET_NO_NEW_PRIVS };

struct writer {
  struct vmm_filter *out;
  bool full;
};

static void
emit (struct writer *w, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
  if (w->out->len == VMM_FILTER_MAX || yes > 255 || no > 255) {
    w->full = true;
    return;
  }
  w->out->code[w->out->len++] = (struct sock_filter){ (uint16_t) code, (uint8_t) yes, (uint8_t) no, k };
}

static void
load (struct writer *w, uint32_t offset)
{
  emit (w, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void
answer (struct writer *w, uint32_t action)
{
  emit (w, BPF_RET | BPF_K, action, 0, 0);
}

/* Allow when what is loaded equals @value; go on otherwise. */
static void
allow_if_equal (struct writer *w, uint32_t value)
{
  emit (w, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
  answer (w, SECCOMP_RET_ALLOW);
}

static void
allow_if_one_of (struct writer *w, unsigned argument, const uint32_t *values, size_t n)
{
  load (w, ARGUMENT (argument));
  for (size_t i = 0; i < n; i++)
    allow_if_equal (w, values[i]);
}

/* Allow when all of @bits are set (or, not @set, none is). */
static void
allow_if_bits (struct writer *w, unsigned argument, uint32_t bits, bool set)
{
  load (w, ARGUMENT (argument));
  emit (w, BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
  allow_if_equal (w, set ? bits : 0);
}

static void
allow_requests (struct writer *w, unsigned kind)
{
  load (w, ARGUMENT (1));
  for (size_t i = 0; i < vmm_rule_requests_count; i++) {
    const struct vmm_rule_request *r = &vmm_rule_requests[i];
    bool kvm = (r->request >> 8 & 0xff) == KVMIO;
    if ((r->kinds >> kind & 1) != 0 && (kind != VMM_RULES_BUILD || !kvm))
      allow_if_equal (w, (uint32_t) r->request);
  }
  /* Building a machine is made of dozens of KVM's requests: their whole type. */
  if (kind == VMM_RULES_BUILD) {
    emit (w, BPF_ALU | BPF_AND | BPF_K, 0xff00, 0, 0);
    allow_if_equal (w, KVMIO << 8);
  }
}

static void
write_check (struct writer *w, enum vmm_rule_check check, unsigned kind, pid_t self)
{
  const uint32_t family = AF_UNIX, pid = (uint32_t) self;
  switch (check) {
  case VMM_CHECK_NONE:
    answer (w, SECCOMP_RET_ALLOW);
    return;
  case VMM_CHECK_DENIED:
    answer (w, SECCOMP_RET_ERRNO | EACCES);
    return;
  case VMM_CHECK_NOSYS:
    answer (w, SECCOMP_RET_ERRNO | ENOSYS);
    return;
  case VMM_CHECK_IOCTL:
    allow_requests (w, kind);
    break;
  case VMM_CHECK_NO_EXEC:
    allow_if_bits (w, 2, PROT_EXEC, false);
    break;
  case VMM_CHECK_THREAD:
    allow_if_bits (w, 0, CLONE_THREAD, true);
    break;
  case VMM_CHECK_UNIX:
    allow_if_one_of (w, 0, &family, 1);
    break;
  case VMM_CHECK_SELF:
    allow_if_one_of (w, 0, &pid, 1);
    break;
  case VMM_CHECK_FCNTL:
    allow_if_one_of (w, 1, fcntl_commands, sizeof fcntl_commands / sizeof fcntl_commands[0]);
    break;
  case VMM_CHECK_NAME:
    allow_if_one_of (w, 0, prctl_options, sizeof prctl_options / sizeof prctl_options[0]);
    break;
  }
  answer (w, SECCOMP_RET_KILL_PROCESS);
}

/* "Is it @number? If not, over the block." The number is in the accumulator before and, if it is not, afterwards. */
static void
write_rule (struct writer *w, int number, enum vmm_rule_check check, unsigned kind, pid_t self)
{
  unsigned short at = w->out->len;
  emit (w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) number, 0, 0);
  write_check (w, check, kind, self);
  unsigned over = w->out->len - at - 1u;
  if (over > 255 || w->full)
    w->full = true;
  else
    w->out->code[at].jf = (uint8_t) over;
}

static void
write_rules (struct writer *w, unsigned kind, pid_t self, bool hot)
{
  for (size_t i = 0; i < vmm_rules_count; i++) {
    const struct vmm_rule *rule = &vmm_rules[i];
    if ((rule->kinds >> kind & 1) != 0 && (rule->check == VMM_CHECK_IOCTL) == hot)
      write_rule (w, rule->number, rule->check, kind, self);
  }
}

bool
vmm_filter__compile (struct vmm_filter *out, unsigned kind, pid_t self, bool embedded)
{
  struct writer w = { out, false };
  memset (out, 0, sizeof *out);
  load (&w, offsetof (struct seccomp_data, arch));
  emit (&w, BPF_JMP | BPF_JEQ | BPF_K, vmm_rules_arch, 1, 0);
  answer (&w, SECCOMP_RET_KILL_PROCESS);
  load (&w, offsetof (struct seccomp_data, nr));
  emit (&w, BPF_JMP | BPF_JGE | BPF_K, NUMBER_LIMIT, 0, 1);
  answer (&w, SECCOMP_RET_KILL_PROCESS);
  write_rules (&w, kind, self,
               true); /* KVM_RUN has the shortest way; calls without a check are in the kernel's cache anyway */
  write_rules (&w, kind, self, false);
  if (embedded && kind != VMM_RULES_BUILD) {
    write_rule (&w, SYS_mprotect, VMM_CHECK_NO_EXEC, kind, self);
    write_rule (&w, SYS_sched_getaffinity, VMM_CHECK_NONE, kind, self);
  }
  answer (&w, SECCOMP_RET_KILL_PROCESS);
  return !w.full;
}
