/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* size: how many vCPUs, how much memory, and what executes the guest. */
#include <string.h>

#include "plan/build.h"

#define MEMORY_MIB_MIN 32u
#define VCPUS_MAX      256u
#define MIB            (UINT64_C (1) << 20)
/* What Linux takes and gives memory in, on most machines; VMMs take no less. */
#define MEMORY_STEP_MIB 128u
#define MEMORY_SLOTS    10u /* Kata's */

static uint32_t
max_vcpus (const struct kata_plan_build *b)
{
  uint32_t max = b->in->host.n_cpus > 0 ? b->in->host.n_cpus : 1;
  if (b->hv->default_maxvcpus > 0)
    max = (uint32_t) MIN (b->hv->default_maxvcpus, VCPUS_MAX);
  if (b->in->caps->max_vcpus > 0)
    max = MIN (max, b->in->caps->max_vcpus);
  return MIN (max, VCPUS_MAX);
}

/* Several of them: numa.c. */
static bool
has_nodes (const struct kata_plan_build *b)
{
  const char *host = b->in->host.numa_nodes;
  if (!b->hv->enable_numa || !kata_plan__acts (b, "enable_numa"))
    return false;
  return b->hv->numa_mapping[0] != NULL || (host != NULL && strpbrk (host, ",-") != NULL);
}

/*
 * Does more come later? Only where the configuration says how much: a guest sets memory aside for all that could come, and a VMM makes room for it.
 */
static bool
may_grow (const struct kata_plan_build *b, int capability, int64_t most)
{
  /* What came would not be among what was measured; and memory bound to no node of the host. */
  if (b->hv->confidential_guest || b->hv->sev_snp_guest || (capability == KATA_CAP_MEMORY_RESIZE && has_nodes (b)))
    return false;
  return most > 0 && kata_plan__has (b, capability) && !b->runtime->static_sandbox_resource_mgmt;
}

/* Up to the next whole one; by hand, so that nothing needs libm. */
static uint32_t
round_up (double wanted)
{
  uint32_t whole = (uint32_t) wanted;
  return wanted > whole ? whole + 1 : whole;
}

/*
 * As Kata's runtime in Rust sizes (static_sandbox_resource_mgmt): with any limit, what the limits say and the guest's own needs; without,
 * the defaults. One difference: without a limit of memory it gives the guest its own needs only, with which none boots; here it gets the default.
 */
static bool
by_limits (const struct kata_plan_build *b)
{
  return b->in->options->limit_cpu_milli > 0 || b->in->options->limit_memory_bytes > 0;
}

static uint32_t
limit_vcpus (struct kata_plan_build *b, uint32_t max)
{
  uint64_t milli = b->in->options->limit_cpu_milli + (uint64_t) (b->hv->overhead_vcpus * 1000 + 0.5);
  uint64_t whole = (milli + 999) / 1000;
  if (whole > max)
    kata_plan__warn (b,
                     "vcpus: the limits and %s ask for %" G_GUINT64_FORMAT " vCPUs; the sandbox gets %u, the most "
                     "that are allowed here",
                     kata_plan__key (b, "overhead_vcpus"), whole, max);
  return (uint32_t) MIN (MAX (whole, 1), max);
}

/* In whole huge pages of 2 MiB. */
static uint64_t
limit_memory (struct kata_plan_build *b, uint64_t max)
{
  uint64_t bytes = b->in->options->limit_memory_bytes;
  uint64_t limit = bytes / MIB + (bytes % MIB > 0), overhead = (uint64_t) MAX (b->hv->overhead_memory, 0);
  uint64_t wanted = (limit + overhead + 1) / 2 * 2;
  if (wanted <= max)
    return wanted;
  kata_plan__warn (b,
                   "memory_mib: the limit and %s ask for %" G_GUINT64_FORMAT " MiB; the sandbox gets %" G_GUINT64_FORMAT
                   ", the most that are allowed here",
                   kata_plan__key (b, "overhead_memory"), wanted, max);
  return max / 2 * 2;
}

static int
decide_vcpus (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  uint32_t asked = b->in->options->vcpus, max = max_vcpus (b);

  if (asked > max)
    return kata_error__set (err, KATA_E_LIMIT, "vcpus", "vcpus: %u are asked for, %u are the most (%s)", asked, max,
                            b->hv->default_maxvcpus > 0 ? kata_plan__key (b, "default_maxvcpus")
                                                        : "the host's processors");
  if (asked == 0 && by_limits (b)) {
    asked = limit_vcpus (b, max);
  } else if (asked == 0) {
    double wanted = b->hv->default_vcpus;
    /* As in Kata: below 0 or more than there are = all. */
    asked = wanted < 0 || wanted > max ? max : round_up (wanted);
    if (wanted > max)
      kata_plan__warn (b, "%s: %g vCPUs are asked for; the sandbox gets %u, the most that are allowed here",
                       kata_plan__key (b, "default_vcpus"), wanted, max);
  }
  vm->vcpus = MAX (asked, 1);
  vm->max_vcpus = may_grow (b, KATA_CAP_CPU_RESIZE, b->hv->default_maxvcpus) ? MAX (max, vm->vcpus) : vm->vcpus;
  return 0;
}

static uint64_t
max_memory (const struct kata_plan_build *b)
{
  uint64_t max = b->in->host.memory_mib > 0 ? b->in->host.memory_mib : UINT64_MAX;
  if (b->hv->default_maxmemory > 0)
    max = (uint64_t) b->hv->default_maxmemory;
  if (b->in->caps->max_memory_mib > 0)
    max = MIN (max, b->in->caps->max_memory_mib);
  return max;
}

static int
decide_memory (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  uint64_t max = max_memory (b);
  bool by_option = b->in->options->memory_mib > 0;
  bool limited = !by_option && b->in->options->limit_memory_bytes > 0;
  const char *key = by_option ? "memory_mib" : kata_plan__key (b, limited ? "overhead_memory" : "default_memory");
  uint64_t asked = by_option ? b->in->options->memory_mib
                   : limited ? limit_memory (b, max)
                             : (uint64_t) MAX (b->hv->default_memory, 0);

  if (asked < MEMORY_MIB_MIN)
    return kata_error__set (err, by_option ? KATA_E_INVALID : KATA_E_CONFIG, key,
                            "%s: %" G_GUINT64_FORMAT " MiB is too little for a guest; %u is the least", key, asked,
                            MEMORY_MIB_MIN);
  if (asked > max)
    return kata_error__set (
        err, KATA_E_LIMIT, key, "%s: %" G_GUINT64_FORMAT " MiB are asked for, %" G_GUINT64_FORMAT " are the most (%s)",
        key, asked, max, b->hv->default_maxmemory > 0 ? kata_plan__key (b, "default_maxmemory") : "the host's memory");
  vm->memory_mib = asked;
  vm->max_memory_mib = asked;
  if (may_grow (b, KATA_CAP_MEMORY_RESIZE, b->hv->default_maxmemory))
    vm->max_memory_mib += (max - asked) / MEMORY_STEP_MIB * MEMORY_STEP_MIB;
  vm->memory_slots = b->hv->memory_slots > 0 ? (uint64_t) b->hv->memory_slots : MEMORY_SLOTS;
  vm->virtio_mem = b->hv->enable_virtio_mem;
  vm->hugepages = b->hv->enable_hugepages;
  vm->prealloc = b->hv->enable_mem_prealloc;
  vm->memory_reporting = b->hv->reclaim_guest_freed_memory;
  return 0;
}

static int
decide_accel (struct kata_plan_build *b, kata_error **err)
{
  bool kvm = kata_plan__has (b, KATA_CAP_KVM);
  if (strcmp (b->hv->accel, "kvm") == 0 && !kvm)
    return kata_error__set (err, KATA_E_UNSUPPORTED, kata_plan__key (b, "accel"),
                            "%s: kvm is asked for, but: %s; set it to \"auto\" or \"tcg\" to emulate",
                            kata_plan__key (b, "accel"), kata_plan__reason (b, KATA_CAP_KVM));
  b->plan->vm.accel = kvm && strcmp (b->hv->accel, "tcg") != 0 ? KATA_ACCEL_KVM : KATA_ACCEL_TCG;
  return 0;
}

int
kata_plan__size (struct kata_plan_build *b, kata_error **err)
{
  int rc = decide_vcpus (b, err);
  if (rc == 0)
    rc = decide_memory (b, err);
  return rc == 0 ? decide_accel (b, err) : rc;
}
