/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-devices: realizes the devices of a machine's description, the board's and the virtio ones, and takes them away. */
#include "vmm/machine-parts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/raise.h"
#include "vmm/dev/platform.h"
#include "vmm/layout.h"
#include "vmm/virtio/rng.h"

/* ---- the board ---- */

static int
add_board_device (struct vmm_machine *machine, size_t place, const struct vmm_device_ops *ops, const void *config,
                  kata_error **err)
{
  void *self = calloc (1, ops->instance_size);
  if (self == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "machine: no memory for %s", ops->name);
  int result = ops->realize (self, &machine->env, config, err);
  if (result < 0)
    free (self);
  else
    machine->board[place] = (struct vmm_board_device){ .ops = ops, .self = self };
  return result;
}

int
vmm_machine__add_board (struct vmm_machine *machine, kata_error **err)
{
  struct vmm_serial_config serial = { .fd = machine->config.serial_fd, .limit = machine->config.serial_limit };
  int result = add_board_device (machine, VMM_BOARD_POWER, &vmm_power_ops, NULL, err);
  if (result == 0)
    result = add_board_device (machine, VMM_BOARD_RTC, &vmm_rtc_ops, NULL, err);
  if (result == 0)
    result = add_board_device (machine, VMM_BOARD_SERIAL, &vmm_serial_ops, &serial, err);
  if (result == 0 && machine->config.transport == VMM_TRANSPORT_PCI)
    result = vmm_pci_root__new (&machine->pci, &machine->env, machine->high_base, err);
  return result;
}

/* ---- virtio ---- */

/* Each puts a device into the next slot, behind the machine's transport. */
static int
add (struct vmm_machine *machine, const struct vmm_virtio_ops *ops, const void *config, kata_error **err)
{
  assert (machine->n_slots < VMM_SLOTS_MAX);
  struct vmm_slot *slot = &machine->slots[machine->n_slots];
  int result = vmm_virtio__new (&slot->device, ops, &machine->env, config, err);
  if (result < 0)
    return result;
  slot->mmio_base = VMM_LAYOUT_VIRTIO_MMIO + machine->n_slots * VMM_LAYOUT_VIRTIO_STRIDE;
  result = machine->pci != NULL ? vmm_virtio_pci__new (&slot->pci, slot->device, machine->pci, err)
                                : vmm_virtio_mmio__new (&slot->mmio, slot->device, slot->mmio_base, err);
  if (result < 0) {
    vmm_virtio__free (slot->device);
    *slot = (struct vmm_slot){ 0 };
    return result;
  }
  machine->n_slots++;
  return 0;
}

static int
add_lists (struct vmm_machine *machine, kata_error **err)
{
  const struct vmm_machine_config *config = &machine->config;
  int result = 0;
  for (size_t i = 0; i < config->n_disks && result == 0; i++)
    result = add (machine, &vmm_virtio_blk_ops, &config->disks[i], err);
  for (size_t i = 0; i < config->n_nets && result == 0; i++)
    result = add (machine, &vmm_virtio_net_ops, &config->nets[i], err);
  for (size_t i = 0; i < config->n_fs && result == 0; i++)
    result = add (machine, &vmm_virtio_fs_ops, &config->fs[i], err);
  for (size_t i = 0; i < config->n_pmem && result == 0; i++)
    result = add (machine, &vmm_virtio_pmem_ops, &config->pmem[i], err);
  return result;
}

int
vmm_machine__add_devices (struct vmm_machine *machine, kata_error **err)
{
  const struct vmm_machine_config *config = &machine->config;
  int result = add_lists (machine, err);
  if (result == 0 && config->has_vsock)
    result = add (machine, &vmm_virtio_vsock_ops, &config->vsock, err);
  if (result == 0 && config->has_console)
    result = add (machine, &vmm_virtio_console_ops, &config->console, err);
  if (result == 0 && config->rng)
    result = add (machine, &vmm_virtio_rng_ops, NULL, err);
  if (result == 0 && config->has_balloon) {
    result = add (machine, &vmm_virtio_balloon_ops, &config->balloon, err);
    if (result == 0)
      machine->balloon = machine->slots[machine->n_slots - 1].device;
  }
  return result;
}

void
vmm_machine__remove_devices (struct vmm_machine *machine)
{
  machine->balloon = NULL;
  while (machine->n_slots > 0) {
    struct vmm_slot *slot = &machine->slots[--machine->n_slots];
    if (slot->mmio != NULL)
      vmm_virtio_mmio__free (slot->mmio);
    if (slot->pci != NULL)
      vmm_virtio_pci__free (slot->pci);
    vmm_virtio__free (slot->device);
  }
  if (machine->pci != NULL)
    vmm_pci_root__free (machine->pci);
  machine->pci = NULL;
  for (size_t i = VMM_BOARD_MAX; i-- > 0;) {
    struct vmm_board_device *device = &machine->board[i];
    if (device->ops != NULL)
      device->ops->unrealize (device->self);
    free (device->self);
    *device = (struct vmm_board_device){ 0 };
  }
}
