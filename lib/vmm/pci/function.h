/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* function: one function on the bus: its configuration space with what the guest may write, its capabilities and BAR 0. */
#ifndef KATA_VMM_PCI_FUNCTION_H
#define KATA_VMM_PCI_FUNCTION_H

#include "vmm/pci/pci.h"
#include "vmm/pci/regs.h"

struct vmm_pci_function;

/** What a function's owner does. All with the device lock held; all nullable. */
struct vmm_pci_function_ops {
  vmm_bus_fn bar; /* an access inside BAR 0 */
  void (*placed) (
      void *ctx,
      vmm_gpa base); /* BAR 0 answers at @base now: attach doorbells. A function is placed only when not so already. */
  void (*lifted) (void *ctx, vmm_gpa base); /* it no longer does */
  void (*before_read) (void *ctx, unsigned offset,
                       unsigned len); /* the guest is about to read these bytes of configuration space */
  void (*written) (void *ctx, unsigned offset, unsigned len); /* it has written them, within the mask */
};

struct vmm_pci_function {
  const struct vmm_pci_function_ops *ops;
  void *ctx;
  struct vmm_pci_root *root;
  unsigned slot;
  uint8_t config[VMM_PCI_CONFIG_SIZE];
  uint8_t mask[VMM_PCI_CONFIG_SIZE]; /* bits that the guest may write */
  unsigned next_cap, last_cap;       /* where the next capability goes, where the last is (0: none) */
  uint64_t bar_size;                 /* 0 = no BAR */
  vmm_gpa bar_at;                    /* where BAR 0 answers */
  bool bar_placed;
};

struct vmm_pci_identity {
  uint16_t vendor, device, subsystem_vendor, subsystem;
  uint8_t revision;
  uint32_t class_code;
};

/** An empty function; the owner adds capabilities and the BAR, then vmm_pci_root__add(). */
void vmm_pci_function__init (struct vmm_pci_function *function, const struct vmm_pci_identity *identity,
                             const struct vmm_pci_function_ops *ops, void *ctx);
/** Room for a capability of @len bytes (its id, and a link set here); returns its offset. Aborts when the space is full: a mistake of ours. */
unsigned vmm_pci_function__capability (struct vmm_pci_function *function, uint8_t id, unsigned len);
/** BAR 0: 64-bit, @size a power of two of at least 4096; vmm_pci_root__add() gives it a place. */
void vmm_pci_function__bar (struct vmm_pci_function *function, uint64_t size);

/* Little-endian fields of the configuration space. */
uint32_t vmm_pci_function__get (const struct vmm_pci_function *function, unsigned offset, unsigned len);
void vmm_pci_function__set (struct vmm_pci_function *function, unsigned offset, unsigned len, uint32_t value);

/* ---- for root.c ---- */

/** An access of the guest's inside the 256 bytes. */
void vmm_pci_function__access (struct vmm_pci_function *function, unsigned offset, unsigned len, uint64_t *value,
                               bool write);
/** BAR 0 stops answering. */
void vmm_pci_function__lift (struct vmm_pci_function *function);

#endif
