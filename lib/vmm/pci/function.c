/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* function: configuration space of one function; a write changes only what the mask allows, and then BAR 0 moves if it must. */
#include "vmm/pci/function.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/pci/root.h"

#define BAR_FLAGS 0xfu

uint32_t
vmm_pci_function__get (const struct vmm_pci_function *function, unsigned offset, unsigned len)
{
  uint32_t value = 0;
  for (unsigned i = 0; i < len; i++)
    value |= (uint32_t) function->config[offset + i] << (8 * i);
  return value;
}

static void
store (uint8_t *space, unsigned offset, unsigned len, uint32_t value)
{
  for (unsigned i = 0; i < len; i++)
    space[offset + i] = (uint8_t) (value >> (8 * i));
}

void
vmm_pci_function__set (struct vmm_pci_function *function, unsigned offset, unsigned len, uint32_t value)
{
  store (function->config, offset, len, value);
}

void
vmm_pci_function__init (struct vmm_pci_function *function, const struct vmm_pci_identity *identity,
                        const struct vmm_pci_function_ops *ops, void *ctx)
{
  memset (function, 0, sizeof *function);
  function->ops = ops;
  function->ctx = ctx;
  function->next_cap = VMM_PCI_CONFIG_HEADER;
  vmm_pci_function__set (function, VMM_PCI_VENDOR, 2, identity->vendor);
  vmm_pci_function__set (function, VMM_PCI_DEVICE, 2, identity->device);
  vmm_pci_function__set (function, VMM_PCI_REVISION, 1, identity->revision);
  vmm_pci_function__set (function, VMM_PCI_CLASS, 3, identity->class_code);
  vmm_pci_function__set (function, VMM_PCI_SUBSYSTEM_VENDOR, 2, identity->subsystem_vendor);
  vmm_pci_function__set (function, VMM_PCI_SUBSYSTEM, 2, identity->subsystem);
  store (function->mask, VMM_PCI_COMMAND, 2, VMM_PCI_COMMAND_MASTER | VMM_PCI_COMMAND_INTX_DISABLE);
  store (function->mask, VMM_PCI_CACHE_LINE, 1, 0xff);
  store (function->mask, VMM_PCI_INTERRUPT_LINE, 1, 0xff);
}

unsigned
vmm_pci_function__capability (struct vmm_pci_function *function, uint8_t id, unsigned len)
{
  unsigned at = function->next_cap;
  if (len > VMM_PCI_CONFIG_SIZE - at)
    abort ();
  unsigned link = function->last_cap != 0 ? function->last_cap + 1 : VMM_PCI_CAPABILITIES;
  function->config[link] = (uint8_t) at;
  function->config[at] = id;
  function->config[VMM_PCI_STATUS] |= VMM_PCI_STATUS_CAPABILITIES;
  function->last_cap = at;
  function->next_cap = (at + len + 3) & ~3u;
  return at;
}

void
vmm_pci_function__bar (struct vmm_pci_function *function, uint64_t size)
{
  function->bar_size = size;
  vmm_pci_function__set (function, VMM_PCI_BAR0, 4, VMM_PCI_BAR_64 | VMM_PCI_BAR_PREFETCH);
  store (function->mask, VMM_PCI_BAR0, 4, (uint32_t) ~(size - 1) & ~BAR_FLAGS);
  store (function->mask, VMM_PCI_BAR0 + 4, 4, (uint32_t) (~(size - 1) >> 32));
  function->mask[VMM_PCI_COMMAND] |= VMM_PCI_COMMAND_MEMORY;
}

/* ---- BAR 0 on the bus ---- */

static void
on_bar (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct vmm_pci_function *function = ctx;
  function->ops->bar (function->ctx, offset, len, value, write);
}

void
vmm_pci_function__lift (struct vmm_pci_function *function)
{
  if (!function->bar_placed)
    return;
  function->bar_placed = false;
  if (function->ops->lifted != NULL)
    function->ops->lifted (function->ctx, function->bar_at);
  vmm_bus__unmap (vmm_pci_root__env (function->root)->mmio, function->bar_at);
}

/* A BAR outside the windows, or over another, answers nowhere: while a guest writes its halves it is in odd places for a moment. */
static void
settle_bar (struct vmm_pci_function *function)
{
  vmm_gpa low = vmm_pci_function__get (function, VMM_PCI_BAR0, 4) & ~BAR_FLAGS;
  vmm_gpa at = low | (uint64_t) vmm_pci_function__get (function, VMM_PCI_BAR0 + 4, 4) << 32;
  bool wanted = (function->config[VMM_PCI_COMMAND] & VMM_PCI_COMMAND_MEMORY) != 0;
  if (function->bar_placed && wanted && at == function->bar_at)
    return;
  vmm_pci_function__lift (function);
  if (!wanted || !vmm_pci_root__has_window (function->root, at, function->bar_size) ||
      vmm_bus__map (vmm_pci_root__env (function->root)->mmio, at, function->bar_size, on_bar, function, NULL) < 0)
    return;
  function->bar_at = at;
  function->bar_placed = true;
  if (function->ops->placed != NULL)
    function->ops->placed (function->ctx, at);
}

/* ---- accesses ---- */

void
vmm_pci_function__access (struct vmm_pci_function *function, unsigned offset, unsigned len, uint64_t *value, bool write)
{
  if (!write) {
    if (function->ops->before_read != NULL)
      function->ops->before_read (function->ctx, offset, len);
    *value = 0;
    memcpy (value, function->config + offset, len);
    return;
  }
  for (unsigned i = 0; i < len; i++) {
    uint8_t mask = function->mask[offset + i], byte = (uint8_t) (*value >> (8 * i));
    function->config[offset + i] = (uint8_t) ((function->config[offset + i] & ~mask) | (byte & mask));
  }
  if (function->bar_size != 0)
    settle_bar (function);
  if (function->ops->written != NULL)
    function->ops->written (function->ctx, offset, len);
}
