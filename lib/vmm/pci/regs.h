/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* regs: a function's configuration space (PCI Local Bus 3.0, 6.1, 6.7, 6.8; header type 0) as offsets and bits; no code. */
#ifndef KATA_VMM_PCI_REGS_H
#define KATA_VMM_PCI_REGS_H

#define VMM_PCI_VENDOR           0x00u
#define VMM_PCI_DEVICE           0x02u
#define VMM_PCI_COMMAND          0x04u
#define VMM_PCI_STATUS           0x06u
#define VMM_PCI_REVISION         0x08u
#define VMM_PCI_CLASS            0x09u /* 3 bytes */
#define VMM_PCI_CACHE_LINE       0x0cu
#define VMM_PCI_BAR0             0x10u
#define VMM_PCI_BARS             6u
#define VMM_PCI_SUBSYSTEM_VENDOR 0x2cu
#define VMM_PCI_SUBSYSTEM        0x2eu
#define VMM_PCI_CAPABILITIES     0x34u
#define VMM_PCI_INTERRUPT_LINE   0x3cu
#define VMM_PCI_CONFIG_HEADER    0x40u /* capabilities from here on */
#define VMM_PCI_CONFIG_SIZE      0x100u

#define VMM_PCI_COMMAND_MEMORY       0x0002u
#define VMM_PCI_COMMAND_MASTER       0x0004u
#define VMM_PCI_COMMAND_INTX_DISABLE 0x0400u
#define VMM_PCI_STATUS_INTERRUPT     0x08u
#define VMM_PCI_STATUS_CAPABILITIES  0x10u
#define VMM_PCI_BAR_64               0x4u
#define VMM_PCI_BAR_PREFETCH         0x8u

#define VMM_PCI_CAP_VENDOR 0x09u
#define VMM_PCI_CAP_MSIX   0x11u

/* The MSI-X capability, and an entry of its table. */
#define VMM_MSIX_CONTROL          0x2u
#define VMM_MSIX_TABLE            0x4u
#define VMM_MSIX_PBA              0x8u
#define VMM_MSIX_CAP_SIZE         0xcu
#define VMM_MSIX_CONTROL_MASK_ALL 0x4000u
#define VMM_MSIX_CONTROL_ENABLE   0x8000u
#define VMM_MSIX_ENTRY_SIZE       16u
#define VMM_MSIX_ENTRY_MASKED     0x1u
#define VMM_MSIX_VECTORS_MAX      64u

#endif
