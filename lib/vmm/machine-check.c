/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-check: what a machine's description must fulfil before anything is made; memory, kernel and devices check their own parts. */
#include "base/raise.h"
#include "vmm/machine-parts.h"

static int
check_count (const char *key, size_t n, size_t min, size_t max, kata_error **err)
{
  if (n < min || n > max)
    return kata_error__set (err, KATA_E_INVALID, key, "machine: %s: %zu: must be from %zu to %zu", key, n, min, max);
  return 0;
}

int
vmm_machine__check (const struct vmm_machine_config *config, kata_error **err)
{
  if (config->size != sizeof *config)
    return kata_error__set (err, KATA_E_INVALID, NULL, "machine: a description of %zu bytes, not %zu", config->size,
                            sizeof *config);
  if (config->kvm_fd < 0 || config->kernel_fd < 0 || config->cmdline == NULL)
    return kata_error__set (err, KATA_E_INVALID, NULL, "machine: /dev/kvm, a kernel and a command line are needed");
  if (config->transport != VMM_TRANSPORT_MMIO && config->transport != VMM_TRANSPORT_PCI)
    return kata_error__set (err, KATA_E_INVALID, NULL, "machine: unknown transport %d", (int) config->transport);
  const struct {
    const char *key;
    size_t n, min, max;
  } counts[] = {
    { "vcpus", config->vcpus, 1, VMM_VCPUS_MAX }, { "disks", config->n_disks, 0, VMM_DISKS_MAX },
    { "nets", config->n_nets, 0, VMM_NETS_MAX },  { "shares", config->n_fs, 0, VMM_FS_MAX },
    { "pmem", config->n_pmem, 0, VMM_PMEM_MAX },
  };
  int result = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts && result == 0; i++)
    result = check_count (counts[i].key, counts[i].n, counts[i].min, counts[i].max, err);
  return result;
}
