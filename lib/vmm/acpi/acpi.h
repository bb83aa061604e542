/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acpi: the tables that tell the guest what its machine is (ACPI 6.4, hardware-reduced); pure but for the write into RAM. */
#ifndef KATA_VMM_ACPI_ACPI_H
#define KATA_VMM_ACPI_ACPI_H

#include "vmm/memory.h"

/** One virtio-mmio device: \_SB.V000 and so on, _HID LNRO0005. */
struct vmm_acpi_virtio {
  vmm_gpa base;
  uint32_t gsi;
};

struct vmm_acpi_config {
  unsigned vcpus; /* APIC ids 0 to vcpus - 1 */
  const struct vmm_acpi_virtio *virtio;
  size_t n_virtio;
  bool serial, rtc;
  bool pci; /* ECAM, the 32-bit window and @high_base, all of layout.h */
  vmm_gpa high_base;
};

/** Tables at VMM_LAYOUT_ACPI; *rsdp is where. KATA_E_LIMIT when they do not fit. */
int vmm_acpi__write (const struct vmm_acpi_config *config, const struct vmm_memory *memory, vmm_gpa *rsdp,
                     kata_error **err);

#endif
