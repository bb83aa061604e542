/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-pmem: files that are guest memory, above all RAM and BARs; the device that tells the guest is virtio/pmem.c. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/raise.h"
#include "vmm/arch/x86_64/x86.h"
#include "vmm/layout.h"
#include "vmm/machine-parts.h"

#define ALIGN (UINT64_C (2) << 20)

static int
map_one (struct vmm_machine *machine, struct vmm_pmem_config *pmem, vmm_gpa base, uint64_t limit, kata_error **err)
{
  struct stat info;
  if (fstat (pmem->fd, &info) < 0)
    return kata_error__errno (err, KATA_E_INVALID, "pmem", errno, "pmem: descriptor %d", pmem->fd);
  uint64_t size = (uint64_t) info.st_size;
  if (!S_ISREG (info.st_mode) || size == 0 || size % ALIGN != 0)
    return kata_error__set (err, KATA_E_INVALID, "pmem",
                            "pmem: needs a regular file, a multiple of 2 MiB long; this one has %llu bytes",
                            (unsigned long long) size);
  if (base >= limit || size > limit - base)
    return kata_error__set (err, KATA_E_LIMIT, "pmem", "pmem: %llu bytes do not fit into the guest's address space",
                            (unsigned long long) size);
  void *host = mmap (NULL, size, PROT_READ | (pmem->readonly ? 0 : PROT_WRITE), MAP_SHARED, pmem->fd, 0);
  if (host == MAP_FAILED)
    return kata_error__errno (err, KATA_E_INVALID, "pmem", errno, "pmem: cannot map the file");
  madvise (host, size, MADV_DONTFORK);
  madvise (host, size, MADV_DONTDUMP);
  machine->mappings[machine->n_mappings++] = (struct vmm_mapping){ .host = host, .size = size };
  pmem->base = base;
  pmem->size = size;
  return vmm_kvm__add_slot (&machine->kvm, base, size, host, pmem->readonly, err);
}

int
vmm_machine__map_pmem (struct vmm_machine *machine, kata_error **err)
{
  struct vmm_machine_config *config = &machine->config;
  struct vmm_cpuid cpuid;
  int result = config->n_pmem > 0 ? vmm_kvm__supported_cpuid (&machine->kvm, &cpuid, err) : 0;
  if (config->n_pmem == 0 || result < 0)
    return result;
  vmm_gpa base = machine->high_base + VMM_LAYOUT_HIGH_SIZE, limit = UINT64_C (1) << vmm_x86__physical_bits (&cpuid);
  for (size_t i = 0; i < config->n_pmem && result == 0; i++) {
    result = map_one (machine, &config->pmem[i], base, limit, err);
    base += config->pmem[i].size;
  }
  return result;
}

void
vmm_machine__unmap_pmem (struct vmm_machine *machine)
{
  while (machine->n_mappings > 0) {
    struct vmm_mapping *mapping = &machine->mappings[--machine->n_mappings];
    munmap (mapping->host, mapping->size);
  }
}
