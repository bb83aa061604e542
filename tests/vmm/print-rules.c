/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* print-rules: the tables of system calls and requests in docs/security.md, as the code has them. */
#include <stdio.h>
#include <string.h>

#include "vmm/confine/rules.h"

static const char *
check_text (enum vmm_rule_check check)
{
  switch (check) {
  case VMM_CHECK_NONE:
    return "";
  case VMM_CHECK_IOCTL:
    return "the requests below";
  case VMM_CHECK_NO_EXEC:
    return "without PROT_EXEC";
  case VMM_CHECK_UNIX:
    return "AF_UNIX";
  case VMM_CHECK_SELF:
    return "own process";
  case VMM_CHECK_THREAD:
    return "with CLONE_THREAD";
  case VMM_CHECK_FCNTL:
    return "flags, duplicates, OFD locks, seals";
  case VMM_CHECK_NAME:
    return "PR_SET_NAME, PR_SET_NO_NEW_PRIVS";
  case VMM_CHECK_DENIED:
    return "answered with EACCES";
  case VMM_CHECK_NOSYS:
    return "answered with ENOSYS";
  }
  return "?";
}

static void
print_marks (unsigned kinds)
{
  for (unsigned kind = 0; kind < VMM_RULES_KINDS; kind++)
    printf (" %s |", (kinds >> kind & 1) != 0 ? "x" : " ");
}

int
main (void)
{
  unsigned counts[VMM_RULES_KINDS] = { 0 };
  printf ("| system call | vCPU | loop | disk | building | only |\n|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < vmm_rules_count; i++) {
    printf ("| %s |", vmm_rules[i].name);
    print_marks (vmm_rules[i].kinds);
    printf (" %s |\n", check_text (vmm_rules[i].check));
    for (unsigned kind = 0; kind < VMM_RULES_KINDS; kind++)
      counts[kind] += vmm_rules[i].kinds >> kind & 1;
  }
  printf ("| **number** |");
  for (unsigned kind = 0; kind < VMM_RULES_KINDS; kind++)
    printf (" %u |", counts[kind]);
  printf (" |\n\n| ioctl | vCPU | loop | disk | building |\n|---|---|---|---|---|\n");
  for (size_t i = 0; i < vmm_rule_requests_count; i++) {
    printf ("| %s |", vmm_rule_requests[i].name);
    print_marks (vmm_rule_requests[i].kinds);
    printf ("\n");
  }
  printf ("| all others of KVM |   |   |   | x |\n");
  /* What issue 3 promises. */
  return counts[VMM_THREAD_VCPU] <= 20 && counts[VMM_THREAD_LOOP] <= 40 ? 0 : 1;
}
