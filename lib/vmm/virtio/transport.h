/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transport: how a virtio device appears to the guest: as registers at an address (mmio.c) or as a PCI function (pci.c). */
#ifndef KATA_VMM_VIRTIO_TRANSPORT_H
#define KATA_VMM_VIRTIO_TRANSPORT_H

#include "vmm/pci/pci.h"
#include "vmm/virtio/virtio.h"

struct vmm_virtio_mmio;
/** Registers at @base (VMM_LAYOUT_VIRTIO_SIZE bytes), one line of the I/O APIC. @device stays the caller's, and outlives it. */
int vmm_virtio_mmio__new (struct vmm_virtio_mmio **out, struct vmm_virtio *device, vmm_gpa base, kata_error **err);
void vmm_virtio_mmio__free (struct vmm_virtio_mmio *transport);
uint32_t vmm_virtio_mmio__gsi (const struct vmm_virtio_mmio *transport);

struct vmm_virtio_pci;
/** A function on bus 0 with BAR 0 (64-bit: common, ISR, device, notify, MSI-X) and one MSI-X vector per queue and one for configuration. */
int vmm_virtio_pci__new (struct vmm_virtio_pci **out, struct vmm_virtio *device, struct vmm_pci_root *root,
                         kata_error **err);
void vmm_virtio_pci__free (struct vmm_virtio_pci *transport);

#endif
