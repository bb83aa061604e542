/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuid: what a vCPU says it is: the host's features as KVM offers them, one socket of single-thread cores, nothing nested. */
#include <string.h>

#include "base/raise.h"
#include "vmm/arch/x86_64/x86.h"

#define BIT(n) (1u << (n))

struct topology {
  unsigned index, vcpus;
  unsigned bits; /* of the APIC id that number cores */
};

/* The highest index + 1 as a power of two: what cores share is said in APIC ids. */
static unsigned
sharing (const struct topology *topology)
{
  return (BIT (topology->bits) - 1) & 0xfff;
}

static void
set_field (uint32_t *word, unsigned shift, unsigned width, uint32_t value)
{
  uint32_t mask = (width == 32 ? UINT32_MAX : BIT (width) - 1) << shift;
  *word = (*word & ~mask) | (value << shift & mask);
}

/* Features: no nested virtualization, a hypervisor beneath, the timer that KVM emulates. */
static void
fix_leaf_1 (struct kvm_cpuid_entry2 *entry, const struct topology *topology, bool tsc_deadline)
{
  set_field (&entry->ebx, 24, 8, topology->index);
  set_field (&entry->ebx, 16, 8, topology->vcpus);
  entry->ecx &= ~(BIT (5) | BIT (24)); /* VMX */
  entry->ecx |= BIT (31);              /* hypervisor */
  if (tsc_deadline)
    entry->ecx |= BIT (24);
  entry->edx &= ~BIT (28);
  if (topology->vcpus > 1)
    entry->edx |= BIT (28); /* the count in ebx holds */
}

/* Caches: levels 1 and 2 are each core's own, the third is everybody's. Intel's leaf 4 and AMD's 0x8000001d are alike. */
static void
fix_cache (struct kvm_cpuid_entry2 *entry, const struct topology *topology)
{
  unsigned type = entry->eax & 0x1f, level = entry->eax >> 5 & 7;
  if (type == 0)
    return;
  set_field (&entry->eax, 14, 12, level >= 3 ? sharing (topology) : 0);
  if (entry->function == 4)
    set_field (&entry->eax, 26, 6, sharing (topology));
}

static void
fix_extended (struct kvm_cpuid_entry2 *entry, const struct topology *topology)
{
  switch (entry->function) {
  case 0x80000001:
    entry->ecx &= ~(BIT (2) | BIT (23) | BIT (24) | BIT (28)); /* SVM, performance counters */
    break;
  case 0x80000008:
    set_field (&entry->ecx, 0, 8, topology->vcpus - 1);
    set_field (&entry->ecx, 12, 4, topology->bits);
    break;
  case 0x8000000a: /* SVM */
  case 0x80000022: /* performance counters */
    entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
    break;
  case 0x8000001e:
    entry->eax = topology->index;
    entry->ebx = topology->index & 0xff; /* core id; one thread each */
    entry->ecx = 0;                      /* node */
    break;
  default:
    break;
  }
}

static void
fix_entry (struct kvm_cpuid_entry2 *entry, const struct topology *topology, bool tsc_deadline)
{
  switch (entry->function) {
  case 1:
    fix_leaf_1 (entry, topology, tsc_deadline);
    break;
  case 4:
  case 0x8000001d:
    fix_cache (entry, topology);
    break;
  case 0xa: /* no performance counters: a side channel, and a register each that nobody saves */
    entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
    break;
  default:
    fix_extended (entry, topology);
    break;
  }
}

/* Leaves 0xb and 0x1f: threads of a core, cores of the package, end. */
static int
add_topology (struct vmm_cpuid *cpuid, uint32_t leaf, const struct topology *topology, kata_error **err)
{
  if (cpuid->nent + 3 > VMM_CPUID_MAX)
    return kata_error__set (err, KATA_E_LIMIT, NULL, "cpuid: more than %d leaves", VMM_CPUID_MAX);
  for (uint32_t i = 0; i < 3; i++)
    cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
      .function = leaf,
      .index = i,
      .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
      .eax = i == 1 ? topology->bits : 0,
      .ebx = i == 0   ? 1
             : i == 1 ? topology->vcpus
                      : 0,
      .ecx = i < 2 ? (i + 1) << 8 | i : i,
      .edx = topology->index,
    };
  return 0;
}

int
vmm_x86__cpuid (struct vmm_cpuid *cpuid, unsigned index, unsigned vcpus, bool tsc_deadline, kata_error **err)
{
  struct topology topology = { .index = index, .vcpus = vcpus };
  while (BIT (topology.bits) < vcpus)
    topology.bits++;
  uint32_t kept = 0, highest = 0;
  for (uint32_t i = 0; i < cpuid->nent && i < VMM_CPUID_MAX; i++) {
    struct kvm_cpuid_entry2 entry = cpuid->entries[i];
    if (entry.function == 0)
      highest = entry.eax;
    if (entry.function == 0xb || entry.function == 0x1f)
      continue; /* the host's own */
    fix_entry (&entry, &topology, tsc_deadline);
    cpuid->entries[kept++] = entry;
  }
  cpuid->nent = kept;
  int result = highest >= 0xb ? add_topology (cpuid, 0xb, &topology, err) : 0;
  if (result == 0 && highest >= 0x1f)
    result = add_topology (cpuid, 0x1f, &topology, err);
  return result;
}

unsigned
vmm_x86__physical_bits (const struct vmm_cpuid *cpuid)
{
  for (uint32_t i = 0; i < cpuid->nent && i < VMM_CPUID_MAX; i++)
    if (cpuid->entries[i].function == 0x80000008)
      return cpuid->entries[i].eax & 0xff;
  return 36;
}
