/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmio: a virtio device as registers at an address, with one edge-triggered line (virtio 1.2, 4.2); what they mean for the device is virtio.c's. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#include "vmm/layout.h"
#include "vmm/virtio/mmio-regs.h"
#include "vmm/virtio/transport.h"

/* A queue that another process serves: its interrupts come as an eventfd, but the guest also wants a bit in InterruptStatus. */
struct call {
  int fd;
  struct vmm_watch *watch;
};

struct vmm_virtio_mmio {
  struct vmm_virtio *device;
  const struct vmm_env *env;
  vmm_gpa base;
  struct vmm_irq irq;
  uint32_t interrupt_status;
  uint32_t device_features_sel, driver_features_sel, queue_sel;
  bool mapped;
  unsigned n_doorbells, n_calls;
  struct call calls[VMM_VIRTIO_QUEUES_MAX];
};

/* ---- interrupts ---- */

/* An edge each time, also when the bit is still set: the driver may have read it just before. */
static void
mmio_interrupt (void *transport, int queue)
{
  struct vmm_virtio_mmio *mmio = transport;
  mmio->interrupt_status |= queue < 0 ? VMM_MMIO_INTERRUPT_CONFIG : VMM_MMIO_INTERRUPT_QUEUE;
  vmm_irq__raise (&mmio->irq);
}

static int
mmio_call_fd (void *transport, unsigned queue)
{
  struct vmm_virtio_mmio *mmio = transport;
  return queue < mmio->n_calls ? mmio->calls[queue].fd : -1;
}

static const struct vmm_transport_ops mmio_ops = { .interrupt = mmio_interrupt, .call_fd = mmio_call_fd };

static void
on_calls (void *ctx, uint32_t events)
{
  struct vmm_virtio_mmio *mmio = ctx;
  bool any = false;
  (void) events;
  for (unsigned i = 0; i < mmio->n_calls; i++) {
    uint64_t count;
    any |= read (mmio->calls[i].fd, &count, sizeof count) == (ssize_t) sizeof count;
  }
  if (any && (mmio->device->status & VMM_VIRTIO_S_DRIVER_OK) != 0)
    mmio_interrupt (mmio, 0);
}

static int
open_calls (struct vmm_virtio_mmio *mmio, kata_error **err)
{
  if (mmio->device->ops->hand_over == NULL)
    return 0;
  for (; mmio->n_calls < mmio->device->n_queues; mmio->n_calls++) {
    struct call *call = &mmio->calls[mmio->n_calls];
    call->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (call->fd < 0)
      return kata_error__errno (err, KATA_E_IO, NULL, errno, "%s: make an eventfd", mmio->device->ops->name);
    int code = vmm_watch__new (&call->watch, mmio->env->loop, call->fd, EPOLLIN, on_calls, mmio, err);
    if (code < 0) {
      kata_fd__closep (&call->fd);
      return code;
    }
  }
  return 0;
}

/* ---- registers ---- */

static uint32_t
read_register (const struct vmm_virtio_mmio *mmio, uint32_t offset)
{
  const struct vmm_virtio *device = mmio->device;
  const struct vmm_queue *queue = mmio->queue_sel < device->n_queues ? &device->queues[mmio->queue_sel] : NULL;
  if (offset >= VMM_MMIO_SHM_LEN_LOW && offset <= VMM_MMIO_SHM_BASE_HIGH)
    return UINT32_MAX;
  switch (offset) {
  case VMM_MMIO_MAGIC:
    return VMM_MMIO_MAGIC_VALUE;
  case VMM_MMIO_VERSION:
    return VMM_MMIO_VERSION_VALUE;
  case VMM_MMIO_DEVICE_ID:
    return device->ops->device_id;
  case VMM_MMIO_VENDOR_ID:
    return VMM_MMIO_VENDOR_VALUE;
  case VMM_MMIO_DEVICE_FEATURES:
    return vmm_virtio__get_features (device, mmio->device_features_sel);
  case VMM_MMIO_QUEUE_NUM_MAX:
    return queue != NULL ? queue->max : 0;
  case VMM_MMIO_QUEUE_READY:
    return queue != NULL && queue->ready;
  case VMM_MMIO_INTERRUPT_STATUS:
    return mmio->interrupt_status;
  case VMM_MMIO_STATUS:
    return device->status;
  case VMM_MMIO_CONFIG_GENERATION:
    return device->config_generation;
  default:
    return 0;
  }
}

static void
set_half (vmm_gpa *address, bool high, uint32_t value)
{
  *address = high ? (*address & UINT32_MAX) | (uint64_t) value << 32 : (*address & ~(uint64_t) UINT32_MAX) | value;
}

/* What may be written only while the selected queue is being set up. */
static void
write_queue_register (struct vmm_virtio_mmio *mmio, uint32_t offset, uint32_t value)
{
  struct vmm_queue *queue = vmm_virtio__setup_queue (mmio->device, mmio->queue_sel);
  if (queue == NULL)
    return;
  bool high = (offset & 4) != 0;
  switch (offset) {
  case VMM_MMIO_QUEUE_NUM:
    /* A size of more than 16 bits must not become a good one by being cut: 0 is none either. */
    queue->size = value <= UINT16_MAX ? (uint16_t) value : 0;
    break;
  case VMM_MMIO_QUEUE_DESC_LOW:
  case VMM_MMIO_QUEUE_DESC_HIGH:
    set_half (&queue->desc, high, value);
    break;
  case VMM_MMIO_QUEUE_DRIVER_LOW:
  case VMM_MMIO_QUEUE_DRIVER_HIGH:
    set_half (&queue->avail, high, value);
    break;
  case VMM_MMIO_QUEUE_DEVICE_LOW:
  case VMM_MMIO_QUEUE_DEVICE_HIGH:
    set_half (&queue->used, high, value);
    break;
  default:
    break;
  }
}

static void
write_status (struct vmm_virtio_mmio *mmio, uint32_t value)
{
  vmm_virtio__set_status (mmio->device, value);
  if (value != 0)
    return;
  mmio->interrupt_status = 0;
  mmio->queue_sel = mmio->device_features_sel = mmio->driver_features_sel = 0;
}

static void
write_register (struct vmm_virtio_mmio *mmio, uint32_t offset, uint32_t value)
{
  switch (offset) {
  case VMM_MMIO_DEVICE_FEATURES_SEL:
    mmio->device_features_sel = value;
    break;
  case VMM_MMIO_DRIVER_FEATURES:
    vmm_virtio__set_features (mmio->device, mmio->driver_features_sel, value);
    break;
  case VMM_MMIO_DRIVER_FEATURES_SEL:
    mmio->driver_features_sel = value;
    break;
  case VMM_MMIO_QUEUE_SEL:
    mmio->queue_sel = value;
    break;
  case VMM_MMIO_QUEUE_READY:
    if (value == 1)
      vmm_virtio__enable_queue (mmio->device, mmio->queue_sel);
    else if (value == 0)
      vmm_virtio__disable_queue (mmio->device, mmio->queue_sel);
    break;
  case VMM_MMIO_QUEUE_NOTIFY:
    /* The doorbells take these; here come those that fit none, and all where the kernel has no doorbell left. */
    vmm_virtio__again (mmio->device, value);
    break;
  case VMM_MMIO_INTERRUPT_ACK:
    mmio->interrupt_status &= ~value;
    break;
  case VMM_MMIO_STATUS:
    write_status (mmio, value);
    break;
  default:
    write_queue_register (mmio, offset, value);
    break;
  }
}

/* 4.2.2.2: registers are accessed with 32 bits, aligned. Anything else reads zero and writes nothing. */
static void
on_access (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct vmm_virtio_mmio *mmio = ctx;
  if (offset >= VMM_MMIO_CONFIG) {
    vmm_virtio__config (mmio->device, offset - VMM_MMIO_CONFIG, len, value, write);
    return;
  }
  bool good = len == 4 && offset % 4 == 0;
  if (!write)
    *value = good ? read_register (mmio, (uint32_t) offset) : 0;
  else if (good)
    write_register (mmio, (uint32_t) offset, (uint32_t) *value);
}

/* ---- made and freed ---- */

static int
attach (struct vmm_virtio_mmio *mmio, kata_error **err)
{
  const struct vmm_env *env = mmio->env;
  int code = vmm_bus__map (env->mmio, mmio->base, VMM_LAYOUT_VIRTIO_SIZE, on_access, mmio, err);
  if (code < 0)
    return code;
  mmio->mapped = true;
  for (; mmio->n_doorbells < mmio->device->n_queues; mmio->n_doorbells++) {
    unsigned i = mmio->n_doorbells;
    code = vmm_bus__doorbell (env->mmio, mmio->base + VMM_MMIO_QUEUE_NOTIFY, 4, (int64_t) i, mmio->device->kick_fds[i],
                              err);
    if (code < 0)
      return code;
  }
  return open_calls (mmio, err);
}

int
vmm_virtio_mmio__new (struct vmm_virtio_mmio **out, struct vmm_virtio *device, vmm_gpa base, kata_error **err)
{
  const struct vmm_env *env = device->env;
  struct vmm_virtio_mmio *mmio = calloc (1, sizeof *mmio);
  if (mmio == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "%s: no memory for its registers", device->ops->name);
  mmio->device = device;
  mmio->env = env;
  mmio->base = base;
  mmio->irq.fd = -1;
  int code = env->irqs.ops->line (env->irqs.ctx, &mmio->irq, -1, err);
  if (code == 0)
    code = attach (mmio, err);
  if (code < 0) {
    vmm_virtio_mmio__free (mmio);
    return code;
  }
  device->transport_ops = &mmio_ops;
  device->transport = mmio;
  *out = mmio;
  return 0;
}

void
vmm_virtio_mmio__free (struct vmm_virtio_mmio *mmio)
{
  if (mmio == NULL)
    return;
  const struct vmm_env *env = mmio->env;
  /* What the device still completes interrupts nobody. */
  mmio->device->transport_ops = NULL;
  for (unsigned i = 0; i < mmio->n_calls; i++) {
    vmm_watch__free (mmio->calls[i].watch);
    kata_fd__close (mmio->calls[i].fd);
  }
  for (unsigned i = 0; i < mmio->n_doorbells; i++)
    vmm_bus__doorbell_remove (env->mmio, mmio->base + VMM_MMIO_QUEUE_NOTIFY, 4, (int64_t) i, mmio->device->kick_fds[i]);
  if (mmio->mapped)
    vmm_bus__unmap (env->mmio, mmio->base);
  if (mmio->irq.fd >= 0)
    env->irqs.ops->release (env->irqs.ctx, &mmio->irq);
  free (mmio);
}

uint32_t
vmm_virtio_mmio__gsi (const struct vmm_virtio_mmio *mmio)
{
  return mmio->irq.gsi;
}
