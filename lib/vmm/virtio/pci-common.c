/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci-common: the common configuration structure (virtio 1.2, 4.1.4.3); each field in its own width, the rest reads zero and writes nothing. */
#include "vmm/virtio/pci-regs.h"
#include "vmm/virtio/pci.h"

/* 4.1.3.1; halves of the 64-bit fields are allowed alone. 0: no field begins there. */
static unsigned
width_at (uint64_t offset)
{
  if (offset < VMM_VPCI_CONFIG_VECTOR)
    return offset % 4 == 0 ? 4 : 0;
  if (offset == VMM_VPCI_DEVICE_STATUS || offset == VMM_VPCI_CONFIG_GENERATION)
    return 1;
  if (offset < VMM_VPCI_QUEUE_DESC)
    return offset % 2 == 0 ? 2 : 0;
  return offset < VMM_VPCI_COMMON_SIZE && offset % 4 == 0 ? 4 : 0;
}

static uint32_t
half (vmm_gpa address, uint64_t offset)
{
  return (uint32_t) (address >> (offset % 8 * 8));
}

static void
set_half (vmm_gpa *address, uint64_t offset, uint32_t value)
{
  uint64_t shift = offset % 8 * 8;
  *address = (*address & ~((uint64_t) UINT32_MAX << shift)) | (uint64_t) value << shift;
}

/* Fields of the selected queue; it exists. */
static uint32_t
read_queue_field (const struct vmm_virtio_pci *pci, uint64_t offset)
{
  const struct vmm_queue *queue = &pci->device->queues[pci->queue_select];
  switch (offset & ~UINT64_C (4)) {
  case VMM_VPCI_QUEUE_DESC:
    return half (queue->desc, offset);
  case VMM_VPCI_QUEUE_DRIVER:
    return half (queue->avail, offset);
  case VMM_VPCI_QUEUE_DEVICE:
    return half (queue->used, offset);
  default:
    break;
  }
  switch (offset) {
  case VMM_VPCI_QUEUE_SIZE:
    return queue->size;
  case VMM_VPCI_QUEUE_VECTOR:
    return pci->queue_vectors[pci->queue_select];
  case VMM_VPCI_QUEUE_ENABLE:
    return queue->ready;
  case VMM_VPCI_QUEUE_NOTIFY_OFF:
    return pci->queue_select;
  default:
    return 0;
  }
}

static uint32_t
read_field (const struct vmm_virtio_pci *pci, uint64_t offset)
{
  const struct vmm_virtio *device = pci->device;
  switch (offset) {
  case VMM_VPCI_DEVICE_FEATURE_SELECT:
    return pci->device_feature_select;
  case VMM_VPCI_DEVICE_FEATURE:
    return vmm_virtio__get_features (device, pci->device_feature_select);
  case VMM_VPCI_DRIVER_FEATURE_SELECT:
    return pci->driver_feature_select;
  case VMM_VPCI_DRIVER_FEATURE:
    return pci->driver_feature_select > 1 ? 0 : (uint32_t) (device->features >> (32 * pci->driver_feature_select));
  case VMM_VPCI_CONFIG_VECTOR:
    return pci->config_vector;
  case VMM_VPCI_NUM_QUEUES:
    return device->n_queues;
  case VMM_VPCI_DEVICE_STATUS:
    return device->status;
  case VMM_VPCI_CONFIG_GENERATION:
    return (uint8_t) device->config_generation;
  case VMM_VPCI_QUEUE_SELECT:
    return pci->queue_select;
  default:
    break;
  }
  if (pci->queue_select < device->n_queues)
    return read_queue_field (pci, offset);
  return offset == VMM_VPCI_QUEUE_VECTOR ? VMM_VPCI_NO_VECTOR : 0;
}

/* What may be written only while the selected queue is being set up. */
static void
write_queue_field (struct vmm_virtio_pci *pci, uint64_t offset, uint32_t value)
{
  struct vmm_queue *queue = vmm_virtio__setup_queue (pci->device, pci->queue_select);
  if (queue == NULL)
    return;
  if (offset == VMM_VPCI_QUEUE_SIZE)
    queue->size = (uint16_t) value;
  else if (offset == VMM_VPCI_QUEUE_ENABLE && value == 1)
    vmm_virtio__enable_queue (pci->device, pci->queue_select);
  else if (offset >= VMM_VPCI_QUEUE_DEVICE)
    set_half (&queue->used, offset, value);
  else if (offset >= VMM_VPCI_QUEUE_DRIVER)
    set_half (&queue->avail, offset, value);
  else if (offset >= VMM_VPCI_QUEUE_DESC)
    set_half (&queue->desc, offset, value);
}

/* 4.1.5.1.2.1: a vector that does not exist reads back as none. */
static uint16_t
vector_of (const struct vmm_virtio_pci *pci, uint32_t value)
{
  return value < pci->msix.n ? (uint16_t) value : (uint16_t) VMM_VPCI_NO_VECTOR;
}

static void
write_field (struct vmm_virtio_pci *pci, uint64_t offset, uint32_t value)
{
  switch (offset) {
  case VMM_VPCI_DEVICE_FEATURE_SELECT:
    pci->device_feature_select = value;
    break;
  case VMM_VPCI_DRIVER_FEATURE_SELECT:
    pci->driver_feature_select = value;
    break;
  case VMM_VPCI_DRIVER_FEATURE:
    vmm_virtio__set_features (pci->device, pci->driver_feature_select, value);
    break;
  case VMM_VPCI_CONFIG_VECTOR:
    pci->config_vector = vector_of (pci, value);
    break;
  case VMM_VPCI_DEVICE_STATUS:
    vmm_virtio__set_status (pci->device, value);
    if (value == 0)
      vmm_virtio_pci__reset (pci);
    break;
  case VMM_VPCI_QUEUE_SELECT:
    pci->queue_select = (uint16_t) value;
    break;
  case VMM_VPCI_QUEUE_VECTOR:
    if (pci->queue_select < pci->device->n_queues)
      pci->queue_vectors[pci->queue_select] = vector_of (pci, value);
    break;
  default:
    write_queue_field (pci, offset, value);
    break;
  }
}

void
vmm_virtio_pci__common (struct vmm_virtio_pci *pci, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  bool whole = len == 8 && offset >= VMM_VPCI_QUEUE_DESC && offset < VMM_VPCI_COMMON_SIZE && offset % 8 == 0;
  bool good = whole || (len == width_at (offset) && len != 0);
  if (!write) {
    *value = good ? read_field (pci, offset) : 0;
    if (whole)
      *value |= (uint64_t) read_field (pci, offset + 4) << 32;
    return;
  }
  if (good)
    write_field (pci, offset, (uint32_t) *value);
  if (whole)
    write_field (pci, offset + 4, (uint32_t) (*value >> 32));
}
