/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-limit: sums, and the call of lib/host. */
#include "sandbox/host-limit.h"

#include "host/cgroup.h"

uint32_t
kata_host_limit__next (uint32_t current, uint32_t before, uint32_t after, uint32_t overhead, bool alone)
{
  uint64_t next = 0;
  if (after == 0)
    return 0;
  if (current != 0 && before != 0)
    next = (uint64_t) current + after > before ? (uint64_t) current + after - before : 1;
  else if (alone)
    next = (uint64_t) after + overhead;
  else
    next = current;
  return (uint32_t) MIN (next, UINT32_MAX);
}

static void
set (struct kata_operation *op, uint32_t milli)
{
  g_autoptr (kata_cgroups) cgroups = NULL;
  g_autoptr (kata_error) error = NULL;
  int r = kata_cgroups__find (&cgroups, &error);
  if (r == 0)
    r = kata_cgroups__limit_cpu (cgroups, op->state->plan.cgroup, milli, &error);
  if (r != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "sandbox \"%s\": %s", op->sandbox->id,
                     kata_error_get_message (error));
}

int
kata_host_limit__follow (struct kata_operation *op, struct kata_container_state *container,
                         const struct kata_oci_cpu *cpu, kata_error **err)
{
  kata_plan *plan = &op->state->plan;
  uint32_t current = plan->cgroup_cpu_milli, before = container->cpu_milli;
  if (!cpu->quota.have)
    return 0;
  container->cpu_milli = kata_oci_cpu__milli (cpu);
  plan->cgroup_cpu_milli = kata_host_limit__next (current, before, container->cpu_milli, plan->cgroup_overhead_milli,
                                                  op->state->n_containers == 1);
  bool changes = plan->cgroup[0] != '\0' && plan->cgroup_cpu_milli != current;
  if (changes)
    set (op, plan->cgroup_cpu_milli);
  int r = kata_operation__save (op, err);
  if (r != 0 && changes)
    set (op, current);
  return r;
}
