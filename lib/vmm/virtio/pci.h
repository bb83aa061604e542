/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci: one virtio device as a PCI function, shared by pci.c (function, BAR, interrupts) and pci-common.c (the common structure). */
#ifndef KATA_VMM_VIRTIO_PCI_H
#define KATA_VMM_VIRTIO_PCI_H

#include "vmm/pci/msix.h"
#include "vmm/virtio/transport.h"

struct vmm_virtio_pci {
  struct vmm_virtio *device;
  struct vmm_pci_root *root;
  struct vmm_pci_function function;
  struct vmm_msix msix;
  unsigned config_window; /* the capability through which BAR 0 is reached from configuration space */
  unsigned n_doorbells;   /* attached */
  uint8_t isr;
  uint32_t device_feature_select, driver_feature_select;
  uint16_t queue_select, config_vector;
  uint16_t queue_vectors[VMM_VIRTIO_QUEUES_MAX];
};

/** What the guest's reset of the device does to the transport; also how it begins. */
void vmm_virtio_pci__reset (struct vmm_virtio_pci *pci);
/** An access to the common structure. */
void vmm_virtio_pci__common (struct vmm_virtio_pci *pci, uint64_t offset, unsigned len, uint64_t *value, bool write);

#endif
