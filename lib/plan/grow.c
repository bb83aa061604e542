/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grow: what a machine has beside its containers' limits, and the sum with them. */
#include "plan/grow.h"

#include "plan/build.h"

#define MIB (UINT64_C (1) << 20)

/*
 * A machine that was sized by the engine's limits at its start holds those of its containers already: then only what was added to them is its own.
 * Where the configuration gives no room, or says that the size is static, limits are followed by nothing.
 */
int
kata_plan__growth (struct kata_plan_build *b, kata_error **err)
{
  const kata_sandbox_options *options = b->in->options;
  bool limited = options->limit_cpu_milli > 0 || options->limit_memory_bytes > 0;
  if (b->runtime->static_sandbox_resource_mgmt)
    return 0;
  if (b->hv->default_maxvcpus > 0)
    b->plan->grow_cpu_milli =
        options->vcpus == 0 && limited ? (uint32_t) (b->hv->overhead_vcpus * 1000 + 0.5) : b->plan->vm.vcpus * 1000;
  if (b->hv->default_maxvcpus > 0)
    b->plan->grow_cpu_milli = MAX (b->plan->grow_cpu_milli, 1);
  if (b->hv->default_maxmemory > 0)
    b->plan->grow_memory_mib = options->memory_mib == 0 && options->limit_memory_bytes > 0
                                   ? (uint64_t) MAX (b->hv->overhead_memory, 1)
                                   : b->plan->vm.memory_mib;
  return 0;
}

uint32_t
kata_plan__vcpus_for (const kata_plan *plan, const struct kata_limits *limits)
{
  uint64_t milli;
  if (plan->grow_cpu_milli == 0 || limits->cpu_milli == 0)
    return 0;
  if (__builtin_add_overflow (limits->cpu_milli, plan->grow_cpu_milli, &milli))
    return UINT32_MAX;
  return (uint32_t) MIN (milli / 1000 + (milli % 1000 != 0), UINT32_MAX);
}

uint64_t
kata_plan__memory_for (const kata_plan *plan, const struct kata_limits *limits)
{
  if (plan->grow_memory_mib == 0 || limits->memory_bytes == 0)
    return 0;
  return plan->grow_memory_mib + limits->memory_bytes / MIB + (limits->memory_bytes % MIB != 0);
}
