/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers: the guest's side of both transports, by the numbers of the specification. */
#include "registers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/mmio-regs.h"
#include "vmm/virtio/pci-regs.h"
#include "vmm/pci/regs.h"

/* Not Check's: fuzz targets use this file too. */
static void
must (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "registers: %s\n", what);
    abort ();
  }
}

static void
open_pci (struct registers *registers)
{
  const struct vmm_env *env = registers->driver->env;
  must (vmm_pci_root__new (&registers->root, env, REGISTERS_HIGH_BASE, NULL) == 0, "no PCI bus");
  must (vmm_virtio_pci__new (&registers->function, registers->driver->device, registers->root, NULL) == 0,
        "no PCI function");
  uint64_t low = fake_read (env->mmio, REGISTERS_SLOT + VMM_PCI_BAR0, 4) & ~UINT64_C (15);
  registers->base = low | fake_read (env->mmio, REGISTERS_SLOT + VMM_PCI_BAR0 + 4, 4) << 32;
  fake_write (env->mmio, REGISTERS_SLOT + VMM_PCI_COMMAND, 2, VMM_PCI_COMMAND_MEMORY | VMM_PCI_COMMAND_MASTER);
  /* The first capability is MSI-X. */
  uint64_t msix = REGISTERS_SLOT + fake_read (env->mmio, REGISTERS_SLOT + VMM_PCI_CAPABILITIES, 1);
  uint64_t vectors = (fake_read (env->mmio, msix + VMM_MSIX_CONTROL, 2) & 0x7ff) + 1;
  fake_write (env->mmio, msix + VMM_MSIX_CONTROL, 2, VMM_MSIX_CONTROL_ENABLE);
  for (uint64_t i = 0; i < vectors; i++) {
    uint64_t entry = VMM_VPCI_MSIX_TABLE + i * VMM_MSIX_ENTRY_SIZE;
    registers_write (registers, entry, 8, 0xfee00000);
    registers_write (registers, entry + 8, 8, 0x100 + i);
  }
}

void
registers_open (struct registers *registers, struct driver *driver, bool pci)
{
  memset (registers, 0, sizeof *registers);
  registers->driver = driver;
  registers->pci = pci;
  registers->base = REGISTERS_MMIO;
  if (pci)
    open_pci (registers);
  else
    must (vmm_virtio_mmio__new (&registers->mmio, driver->device, REGISTERS_MMIO, NULL) == 0, "no virtio-mmio device");
}

void
registers_close (struct registers *registers)
{
  vmm_virtio_mmio__free (registers->mmio);
  vmm_virtio_pci__free (registers->function);
  vmm_pci_root__free (registers->root);
}

uint64_t
registers_read (const struct registers *registers, uint64_t offset, unsigned len)
{
  return fake_read (registers->driver->env->mmio, registers->base + offset, len);
}

void
registers_write (const struct registers *registers, uint64_t offset, unsigned len, uint64_t value)
{
  fake_write (registers->driver->env->mmio, registers->base + offset, len, value);
}

uint32_t
registers_status (const struct registers *registers)
{
  return (uint32_t) (registers->pci ? registers_read (registers, VMM_VPCI_DEVICE_STATUS, 1)
                                    : registers_read (registers, VMM_MMIO_STATUS, 4));
}

void
registers_set_status (const struct registers *registers, uint32_t status)
{
  if (registers->pci)
    registers_write (registers, VMM_VPCI_DEVICE_STATUS, 1, status);
  else
    registers_write (registers, VMM_MMIO_STATUS, 4, status);
}

uint32_t
registers_offered (const struct registers *registers, uint32_t select)
{
  registers_write (registers, registers->pci ? VMM_VPCI_DEVICE_FEATURE_SELECT : VMM_MMIO_DEVICE_FEATURES_SEL, 4,
                   select);
  return (uint32_t) registers_read (registers, registers->pci ? VMM_VPCI_DEVICE_FEATURE : VMM_MMIO_DEVICE_FEATURES, 4);
}

void
registers_features (const struct registers *registers, uint32_t select, uint32_t word)
{
  registers_write (registers, registers->pci ? VMM_VPCI_DRIVER_FEATURE_SELECT : VMM_MMIO_DRIVER_FEATURES_SEL, 4,
                   select);
  registers_write (registers, registers->pci ? VMM_VPCI_DRIVER_FEATURE : VMM_MMIO_DRIVER_FEATURES, 4, word);
}

void
registers_select (const struct registers *registers, uint32_t queue)
{
  if (registers->pci)
    registers_write (registers, VMM_VPCI_QUEUE_SELECT, 2, queue);
  else
    registers_write (registers, VMM_MMIO_QUEUE_SEL, 4, queue);
}

void
registers_set_size (const struct registers *registers, uint32_t size)
{
  if (registers->pci)
    registers_write (registers, VMM_VPCI_QUEUE_SIZE, 2, size);
  else
    registers_write (registers, VMM_MMIO_QUEUE_NUM, 4, size);
}

uint32_t
registers_max (const struct registers *registers)
{
  return (uint32_t) (registers->pci ? registers_read (registers, VMM_VPCI_QUEUE_SIZE, 2)
                                    : registers_read (registers, VMM_MMIO_QUEUE_NUM_MAX, 4));
}

void
registers_set_ring (const struct registers *registers, enum registers_ring ring, vmm_gpa address)
{
  uint64_t offset = registers->pci ? VMM_VPCI_QUEUE_DESC + 8u * ring : VMM_MMIO_QUEUE_DESC_LOW + 16u * ring;
  registers_write (registers, offset, 4, (uint32_t) address);
  registers_write (registers, offset + 4, 4, address >> 32);
}

void
registers_set_ready (const struct registers *registers, uint32_t ready)
{
  if (registers->pci)
    registers_write (registers, VMM_VPCI_QUEUE_ENABLE, 2, ready);
  else
    registers_write (registers, VMM_MMIO_QUEUE_READY, 4, ready);
}

uint32_t
registers_ready (const struct registers *registers)
{
  return (uint32_t) (registers->pci ? registers_read (registers, VMM_VPCI_QUEUE_ENABLE, 2)
                                    : registers_read (registers, VMM_MMIO_QUEUE_READY, 4));
}

void
registers_notify (const struct registers *registers, uint32_t queue)
{
  if (registers->pci)
    registers_write (registers, VMM_VPCI_NOTIFY + (uint64_t) queue * VMM_VPCI_NOTIFY_EVERY, 2, queue);
  else
    registers_write (registers, VMM_MMIO_QUEUE_NOTIFY, 4, queue);
}

void
registers_vectors (const struct registers *registers)
{
  if (!registers->pci)
    return;
  registers_write (registers, VMM_VPCI_CONFIG_VECTOR, 2, 0);
  for (uint32_t i = 0; i < registers->driver->device->n_queues; i++) {
    registers_select (registers, i);
    registers_write (registers, VMM_VPCI_QUEUE_VECTOR, 2, i + 1);
    must (registers_read (registers, VMM_VPCI_QUEUE_VECTOR, 2) == i + 1, "a vector is not taken");
  }
}

/* The fake's interrupts: lines begin at 5, MSIs at 24, each taken in order. */
bool
registers_interrupted (const struct registers *registers, int queue)
{
  struct fake *fake = registers->driver->fake;
  if (registers->pci)
    return fake_raised (fake, (uint32_t) (VMM_IRQ_LINE_LAST + 2 + queue)) > 0;
  uint32_t bit = queue < 0 ? VMM_MMIO_INTERRUPT_CONFIG : VMM_MMIO_INTERRUPT_QUEUE;
  uint32_t status = (uint32_t) registers_read (registers, VMM_MMIO_INTERRUPT_STATUS, 4);
  registers_write (registers, VMM_MMIO_INTERRUPT_ACK, 4, bit);
  fake_raised (fake, vmm_virtio_mmio__gsi (registers->mmio));
  return (status & bit) != 0;
}

uint64_t
registers_config (const struct registers *registers, uint64_t offset, unsigned len)
{
  return registers_read (registers, (registers->pci ? VMM_VPCI_DEVICE : VMM_MMIO_CONFIG) + offset, len);
}

void
registers_negotiate (const struct registers *registers, uint64_t features)
{
  registers_set_status (registers, 0);
  must (registers_status (registers) == 0, "a reset does not end");
  registers_set_status (registers, VMM_VIRTIO_S_ACKNOWLEDGE);
  registers_set_status (registers, VMM_VIRTIO_S_ACKNOWLEDGE | VMM_VIRTIO_S_DRIVER);
  uint64_t offered = registers_offered (registers, 0) | (uint64_t) registers_offered (registers, 1) << 32;
  features = (features | VMM_VIRTIO_F_VERSION_1) & offered;
  registers_features (registers, 0, (uint32_t) features);
  registers_features (registers, 1, (uint32_t) (features >> 32));
  uint32_t status = VMM_VIRTIO_S_ACKNOWLEDGE | VMM_VIRTIO_S_DRIVER | VMM_VIRTIO_S_FEATURES_OK;
  registers_set_status (registers, status);
  must (registers_status (registers) == status, "FEATURES_OK does not stay");
}

void
registers_queue (const struct registers *registers, unsigned queue, uint16_t size)
{
  struct driver_queue *own = &registers->driver->queues[queue];
  registers_select (registers, queue);
  driver_make_queue (registers->driver, queue, size != 0 ? size : (uint16_t) registers_max (registers));
  own->event_idx = vmm_virtio__has (registers->driver->device, VMM_VIRTIO_F_EVENT_IDX);
  registers_set_size (registers, own->size);
  registers_set_ring (registers, REGISTERS_DESC, own->desc);
  registers_set_ring (registers, REGISTERS_AVAIL, own->avail);
  registers_set_ring (registers, REGISTERS_USED, own->used);
  registers_set_ready (registers, 1);
  must (registers_ready (registers) == 1, "a queue does not get ready");
}

void
registers_start (const struct registers *registers, uint64_t features)
{
  registers_negotiate (registers, features);
  registers_vectors (registers);
  for (unsigned i = 0; i < registers->driver->device->n_queues; i++)
    registers_queue (registers, i, 0);
  registers_set_status (registers, registers_status (registers) | VMM_VIRTIO_S_DRIVER_OK);
  driver_run (registers->driver);
}
