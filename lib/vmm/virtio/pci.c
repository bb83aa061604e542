/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci: a virtio device as a PCI function (virtio 1.2, 4.1), modern only, interrupts by MSI-X only; the common structure is pci-common.c's. */
#include "vmm/virtio/pci.h"

#include <stdlib.h>

#include "base/raise.h"

#include "vmm/pci/root.h"
#include "vmm/virtio/pci-regs.h"

/* ---- interrupts ---- */

static void
show_isr (struct vmm_virtio_pci *pci, uint8_t isr)
{
  uint8_t *status = &pci->function.config[VMM_PCI_STATUS];
  pci->isr = isr;
  /* 4.1.4.5.1: the bit in the function's status is there though no wire is. */
  *status = (uint8_t) (isr != 0 ? *status | VMM_PCI_STATUS_INTERRUPT : *status & ~VMM_PCI_STATUS_INTERRUPT);
}

static void
pci_interrupt (void *transport, int queue)
{
  struct vmm_virtio_pci *pci = transport;
  if (queue < 0) {
    show_isr (pci, pci->isr | VMM_VPCI_ISR_CONFIG);
    vmm_msix__raise (&pci->msix, pci->config_vector);
  } else if (vmm_msix__enabled (&pci->msix))
    vmm_msix__raise (&pci->msix, pci->queue_vectors[queue]);
  else
    show_isr (pci, pci->isr | VMM_VPCI_ISR_QUEUE);
}

static int
pci_call_fd (void *transport, unsigned queue)
{
  struct vmm_virtio_pci *pci = transport;
  return vmm_msix__fd (&pci->msix, pci->queue_vectors[queue]);
}

static const struct vmm_transport_ops pci_ops = { .interrupt = pci_interrupt, .call_fd = pci_call_fd };

void
vmm_virtio_pci__reset (struct vmm_virtio_pci *pci)
{
  show_isr (pci, 0);
  pci->device_feature_select = pci->driver_feature_select = 0;
  pci->queue_select = 0;
  pci->config_vector = VMM_VPCI_NO_VECTOR;
  for (unsigned i = 0; i < VMM_VIRTIO_QUEUES_MAX; i++)
    pci->queue_vectors[i] = VMM_VPCI_NO_VECTOR;
}

/* ---- BAR 0 ---- */

/* Reading takes all of it back. */
static void
isr_access (struct vmm_virtio_pci *pci, uint64_t offset, uint64_t *value, bool write)
{
  if (write)
    return;
  *value = offset == 0 ? pci->isr : 0;
  if (offset == 0)
    show_isr (pci, 0);
}

/* The doorbells take these; here come those through configuration space, and all where the kernel has no doorbell left. */
static void
notify_access (struct vmm_virtio_pci *pci, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  if (!write)
    *value = 0;
  else if (len == 2 && offset % VMM_VPCI_NOTIFY_EVERY == 0)
    vmm_virtio__again (pci->device, (unsigned) (offset / VMM_VPCI_NOTIFY_EVERY));
}

static void
on_bar (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct vmm_virtio_pci *pci = ctx;
  uint64_t inside = offset % VMM_VPCI_PAGE;
  /* An access across two of them is for neither. */
  bool crosses = inside + len > VMM_VPCI_PAGE;
  switch (crosses ? UINT64_MAX : offset - inside) {
  case VMM_VPCI_COMMON:
    vmm_virtio_pci__common (pci, inside, len, value, write);
    break;
  case VMM_VPCI_ISR:
    isr_access (pci, inside, value, write);
    break;
  case VMM_VPCI_DEVICE:
    vmm_virtio__config (pci->device, inside, len, value, write);
    break;
  case VMM_VPCI_NOTIFY:
    notify_access (pci, inside, len, value, write);
    break;
  case VMM_VPCI_MSIX_TABLE:
    vmm_msix__table (&pci->msix, inside, len, value, write);
    break;
  case VMM_VPCI_MSIX_PBA:
    if (!write)
      vmm_msix__pba (&pci->msix, inside, len, value);
    break;
  default:
    if (!write)
      *value = 0;
    break;
  }
}

static vmm_gpa
doorbell_at (vmm_gpa bar, unsigned queue)
{
  return bar + VMM_VPCI_NOTIFY + (vmm_gpa) queue * VMM_VPCI_NOTIFY_EVERY;
}

/* A doorbell that cannot be had is no failure: the write comes to notify_access() then. */
static void
on_placed (void *ctx, vmm_gpa base)
{
  struct vmm_virtio_pci *pci = ctx;
  const struct vmm_virtio *device = pci->device;
  for (; pci->n_doorbells < device->n_queues; pci->n_doorbells++)
    if (vmm_bus__doorbell (device->env->mmio, doorbell_at (base, pci->n_doorbells), 0, -1,
                           device->kick_fds[pci->n_doorbells], NULL) < 0)
      break;
}

static void
on_lifted (void *ctx, vmm_gpa base)
{
  struct vmm_virtio_pci *pci = ctx;
  const struct vmm_virtio *device = pci->device;
  for (unsigned i = 0; i < pci->n_doorbells; i++)
    vmm_bus__doorbell_remove (device->env->mmio, doorbell_at (base, i), 0, -1, device->kick_fds[i]);
  pci->n_doorbells = 0;
}

/* ---- configuration space ---- */

/* 4.1.4.9: bar, offset and length of the window say where its data are; false when that is nowhere. */
static bool
window_at (const struct vmm_virtio_pci *pci, uint32_t *offset, uint32_t *len)
{
  const struct vmm_pci_function *function = &pci->function;
  *offset = vmm_pci_function__get (function, pci->config_window + VMM_VPCI_CAP_OFFSET, 4);
  *len = vmm_pci_function__get (function, pci->config_window + VMM_VPCI_CAP_LENGTH, 4);
  return function->config[pci->config_window + VMM_VPCI_CAP_BAR] == 0 && (*len == 1 || *len == 2 || *len == 4) &&
         *offset % *len == 0 && *offset < VMM_VPCI_BAR_SIZE;
}

static bool
touches_window (const struct vmm_virtio_pci *pci, unsigned offset, unsigned len)
{
  unsigned data = pci->config_window + VMM_VPCI_CAP_MORE;
  return offset < data + 4 && offset + len > data;
}

static void
on_before_read (void *ctx, unsigned offset, unsigned len)
{
  struct vmm_virtio_pci *pci = ctx;
  uint32_t at, width;
  uint64_t value = 0;
  if (!touches_window (pci, offset, len) || !window_at (pci, &at, &width))
    return;
  on_bar (pci, at, width, &value, false);
  vmm_pci_function__set (&pci->function, pci->config_window + VMM_VPCI_CAP_MORE, width, (uint32_t) value);
}

static void
on_written (void *ctx, unsigned offset, unsigned len)
{
  struct vmm_virtio_pci *pci = ctx;
  uint32_t at, width;
  vmm_msix__written (&pci->msix, offset, len);
  if (!touches_window (pci, offset, len) || !window_at (pci, &at, &width))
    return;
  uint64_t value = vmm_pci_function__get (&pci->function, pci->config_window + VMM_VPCI_CAP_MORE, width);
  on_bar (pci, at, width, &value, true);
}

static const struct vmm_pci_function_ops function_ops = {
  .bar = on_bar, .placed = on_placed, .lifted = on_lifted, .before_read = on_before_read, .written = on_written
};

static unsigned
add_capability (struct vmm_pci_function *function, unsigned type, uint32_t offset, uint32_t length)
{
  bool more = type == VMM_VPCI_TYPE_NOTIFY || type == VMM_VPCI_TYPE_PCI_CONFIG;
  unsigned size = more ? VMM_VPCI_CAP_SIZE_MORE : VMM_VPCI_CAP_SIZE;
  unsigned at = vmm_pci_function__capability (function, VMM_PCI_CAP_VENDOR, size);
  vmm_pci_function__set (function, at + VMM_VPCI_CAP_LEN, 1, size);
  vmm_pci_function__set (function, at + VMM_VPCI_CAP_TYPE, 1, type);
  vmm_pci_function__set (function, at + VMM_VPCI_CAP_OFFSET, 4, offset);
  vmm_pci_function__set (function, at + VMM_VPCI_CAP_LENGTH, 4, length);
  return at;
}

static void
add_capabilities (struct vmm_virtio_pci *pci)
{
  struct vmm_pci_function *function = &pci->function;
  const struct vmm_virtio *device = pci->device;
  add_capability (function, VMM_VPCI_TYPE_COMMON, VMM_VPCI_COMMON, VMM_VPCI_COMMON_SIZE);
  add_capability (function, VMM_VPCI_TYPE_ISR, VMM_VPCI_ISR, 1);
  if (device->config_len > 0)
    add_capability (function, VMM_VPCI_TYPE_DEVICE, VMM_VPCI_DEVICE, device->config_len);
  uint32_t doorbells = device->n_queues * VMM_VPCI_NOTIFY_EVERY;
  unsigned notify = add_capability (function, VMM_VPCI_TYPE_NOTIFY, VMM_VPCI_NOTIFY, doorbells);
  vmm_pci_function__set (function, notify + VMM_VPCI_CAP_MORE, 4, VMM_VPCI_NOTIFY_EVERY);
  unsigned window = add_capability (function, VMM_VPCI_TYPE_PCI_CONFIG, 0, 0);
  pci->config_window = window;
  function->mask[window + VMM_VPCI_CAP_BAR] = 0xff;
  for (unsigned i = VMM_VPCI_CAP_OFFSET; i < VMM_VPCI_CAP_SIZE_MORE; i++)
    function->mask[window + i] = 0xff;
}

/* ---- made and freed ---- */

/* What lspci shows; drivers look at the device id. */
static uint32_t
class_of (uint32_t device_id)
{
  switch (device_id) {
  case 1: /* net */
    return 0x020000;
  case 2: /* blk */
    return 0x018000;
  case 3: /* console */
    return 0x078000;
  default:
    return 0xff0000;
  }
}

int
vmm_virtio_pci__new (struct vmm_virtio_pci **out, struct vmm_virtio *device, struct vmm_pci_root *root,
                     kata_error **err)
{
  struct vmm_virtio_pci *pci = calloc (1, sizeof *pci);
  if (pci == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "%s: no memory for its function", device->ops->name);
  uint16_t id = (uint16_t) (VMM_VPCI_DEVICE_BASE + device->ops->device_id);
  struct vmm_pci_identity identity = { .vendor = VMM_VPCI_VENDOR,
                                       .device = id,
                                       .subsystem_vendor = VMM_VPCI_VENDOR,
                                       .subsystem = id,
                                       .revision = VMM_VPCI_REVISION,
                                       .class_code = class_of (device->ops->device_id) };
  pci->device = device;
  pci->root = root;
  vmm_pci_function__init (&pci->function, &identity, &function_ops, pci);
  vmm_virtio_pci__reset (pci);
  int code = vmm_msix__open (&pci->msix, device->env, &pci->function, device->n_queues + 1, VMM_VPCI_MSIX_TABLE,
                             VMM_VPCI_MSIX_PBA, err);
  if (code == 0) {
    add_capabilities (pci);
    vmm_pci_function__bar (&pci->function, VMM_VPCI_BAR_SIZE);
    code = vmm_pci_root__add (root, &pci->function, err);
    if (code < 0)
      vmm_msix__close (&pci->msix);
  }
  if (code < 0) {
    free (pci);
    return code;
  }
  device->transport_ops = &pci_ops;
  device->transport = pci;
  *out = pci;
  return 0;
}

void
vmm_virtio_pci__free (struct vmm_virtio_pci *pci)
{
  if (pci == NULL)
    return;
  /* What the device still completes interrupts nobody. */
  pci->device->transport_ops = NULL;
  vmm_pci_root__remove (pci->root, &pci->function);
  vmm_msix__close (&pci->msix);
  free (pci);
}
