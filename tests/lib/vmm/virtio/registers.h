/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers: a virtio device as the guest's accesses reach it, by either transport, so that one test serves both. */
#ifndef KATA_TEST_VMM_VIRTIO_REGISTERS_H
#define KATA_TEST_VMM_VIRTIO_REGISTERS_H

#include "driver.h"

#include "vmm/virtio/transport.h"

#define REGISTERS_MMIO      UINT64_C (0xd0000000)
#define REGISTERS_HIGH_BASE UINT64_C (0x4000000000)
#define REGISTERS_SLOT      UINT64_C (0xe0008000) /* ECAM of slot 1 */

enum registers_ring { REGISTERS_DESC, REGISTERS_AVAIL, REGISTERS_USED };

struct registers {
  struct driver *driver;
  bool pci;
  struct vmm_virtio_mmio *mmio;
  struct vmm_pci_root *root;
  struct vmm_virtio_pci *function;
  vmm_gpa base; /* registers, or BAR 0 */
};

/** Puts driver->device behind a transport. PCI: memory on, MSI-X on, every vector i unmasked with data 0x100 + i, but none given to a queue. */
void registers_open (struct registers *registers, struct driver *driver, bool pci);
void registers_close (struct registers *registers);

uint64_t registers_read (const struct registers *registers, uint64_t offset, unsigned len);
void registers_write (const struct registers *registers, uint64_t offset, unsigned len, uint64_t value);

uint32_t registers_status (const struct registers *registers);
void registers_set_status (const struct registers *registers, uint32_t status);
uint32_t registers_offered (const struct registers *registers, uint32_t select);
void registers_features (const struct registers *registers, uint32_t select, uint32_t word);
void registers_select (const struct registers *registers, uint32_t queue);
void registers_set_size (const struct registers *registers, uint32_t size);
uint32_t registers_max (const struct registers *registers); /* of the selected queue, before it was written */
void registers_set_ring (const struct registers *registers, enum registers_ring ring, vmm_gpa address);
void registers_set_ready (const struct registers *registers, uint32_t ready);
uint32_t registers_ready (const struct registers *registers);
void registers_notify (const struct registers *registers, uint32_t queue);
/** PCI: queue i to vector i + 1, the configuration to 0. mmio: nothing to do. */
void registers_vectors (const struct registers *registers);
/** Interrupts since the last look: of @queue, or of the configuration (-1); mmio has one line: its bit is acknowledged, and only it. */
bool registers_interrupted (const struct registers *registers, int queue);
/** Device configuration space. */
uint64_t registers_config (const struct registers *registers, uint64_t offset, unsigned len);

/** The way of 3.1.1 up to FEATURES_OK. */
void registers_negotiate (const struct registers *registers, uint64_t features);
/** One queue with the driver's rings (driver_make_queue first is done here), ready. */
void registers_queue (const struct registers *registers, unsigned queue, uint16_t size);
/** All of it, to DRIVER_OK. */
void registers_start (const struct registers *registers, uint64_t features);

#endif
