/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msix: a function's MSI-X table, pending bits and capability (PCI Local Bus 3.0, 6.8.2); where they lie in a BAR is the owner's. */
#ifndef KATA_VMM_PCI_MSIX_H
#define KATA_VMM_PCI_MSIX_H

#include "vmm/pci/function.h"

struct vmm_msix_entry {
  uint64_t address;
  uint32_t data, control;
  struct vmm_irq irq;
  bool routed;  /* enabled and unmasked: the interrupt controller knows where it goes */
  bool pending; /* raised while it was not */
};

struct vmm_msix {
  const struct vmm_env *env;
  struct vmm_pci_function *function;
  unsigned capability; /* where in configuration space */
  unsigned n;
  struct vmm_msix_entry entries[VMM_MSIX_VECTORS_MAX];
};

/** @n vectors, table and pending bits at these offsets of BAR 0. On failure nothing is held. */
int vmm_msix__open (struct vmm_msix *msix, const struct vmm_env *env, struct vmm_pci_function *function, unsigned n,
                    uint32_t table, uint32_t pba, kata_error **err);
void vmm_msix__close (struct vmm_msix *msix);

bool vmm_msix__enabled (const struct vmm_msix *msix);
/** Raise @vector, or remember it while masked; ignored when it does not exist or MSI-X is off. */
void vmm_msix__raise (struct vmm_msix *msix, unsigned vector);
/** Its eventfd, for another process; -1 when it does not exist. */
int vmm_msix__fd (const struct vmm_msix *msix, unsigned vector);

/** Accesses of the guest's, offsets from the table's and the pending bits' beginning. */
void vmm_msix__table (struct vmm_msix *msix, uint64_t offset, unsigned len, uint64_t *value, bool write);
void vmm_msix__pba (const struct vmm_msix *msix, uint64_t offset, unsigned len, uint64_t *value);
/** The guest wrote configuration space: look at the control word if it was that. */
void vmm_msix__written (struct vmm_msix *msix, unsigned offset, unsigned len);

#endif
