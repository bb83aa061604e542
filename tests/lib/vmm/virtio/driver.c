/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driver: a fake guest driver for tests of virtio devices; it does what it is told, also what no honest driver would. */
#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TABLE_MAX 16

static void
must (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "driver: %s\n", what);
    abort ();
  }
}

void
driver_open (struct driver *driver, uint64_t memory_size)
{
  memset (driver, 0, sizeof *driver);
  driver->brk = 0x1000;
  driver->fake = fake_new (memory_size);
  driver->env = &driver->fake->env;
  driver->memory = &driver->fake->memory;
  for (unsigned i = 0; i < VMM_VIRTIO_QUEUES_MAX; i++)
    driver->call_fds[i] = -1;
}

void
driver_close (struct driver *driver)
{
  vmm_virtio__free (driver->device);
  driver->device = NULL;
  for (unsigned i = 0; i < VMM_VIRTIO_QUEUES_MAX; i++)
    if (driver->call_fds[i] >= 0)
      close (driver->call_fds[i]);
  fake_free (driver->fake);
}

/* ---- RAM ---- */

vmm_gpa
driver_alloc (struct driver *driver, uint64_t len, uint64_t align)
{
  vmm_gpa at = (driver->brk + align - 1) / align * align;
  must (vmm_memory__fill (driver->memory, at, 0, len), "the guest has no RAM left");
  driver->brk = at + len;
  return at;
}

vmm_gpa
driver_put (struct driver *driver, const void *bytes, size_t len)
{
  vmm_gpa at = driver_alloc (driver, len, 16);
  driver_set (driver, at, bytes, len);
  return at;
}

void
driver_get (const struct driver *driver, vmm_gpa from, void *to, size_t len)
{
  must (vmm_memory__read (driver->memory, from, to, len), "a read outside RAM");
}

void
driver_set (const struct driver *driver, vmm_gpa to, const void *from, size_t len)
{
  must (vmm_memory__write (driver->memory, to, from, len), "a write outside RAM");
}

static uint16_t
load (const struct driver *driver, vmm_gpa at)
{
  uint16_t value = 0;
  must (vmm_memory__load_u16 (driver->memory, at, &value), "a ring outside RAM");
  return value;
}

static void
store (const struct driver *driver, vmm_gpa at, uint16_t value)
{
  must (vmm_memory__store_u16 (driver->memory, at, value), "a ring outside RAM");
}

/* ---- the device ---- */

static void
count_interrupt (void *transport, int queue)
{
  struct driver *driver = transport;
  if (queue < 0)
    driver->config_interrupts++;
  else
    driver->interrupts[queue]++;
}

static int
give_call_fd (void *transport, unsigned queue)
{
  struct driver *driver = transport;
  if (driver->call_fds[queue] < 0)
    driver->call_fds[queue] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  return driver->call_fds[queue];
}

static const struct vmm_transport_ops counting = { .interrupt = count_interrupt, .call_fd = give_call_fd };

int
driver_device (struct driver *driver, const struct vmm_virtio_ops *ops, const void *config, kata_error **err)
{
  int code = vmm_virtio__new (&driver->device, ops, driver->env, config, err);
  if (code == 0) {
    driver->device->transport_ops = &counting;
    driver->device->transport = driver;
  }
  return code;
}

uint64_t
driver_negotiate (struct driver *driver, uint64_t wanted)
{
  struct vmm_virtio *device = driver->device;
  uint32_t status = VMM_VIRTIO_S_ACKNOWLEDGE;
  vmm_virtio__set_status (device, status);
  vmm_virtio__set_status (device, status |= VMM_VIRTIO_S_DRIVER);
  uint64_t offered = vmm_virtio__get_features (device, 0) | (uint64_t) vmm_virtio__get_features (device, 1) << 32;
  uint64_t features = (wanted | VMM_VIRTIO_F_VERSION_1) & offered;
  vmm_virtio__set_features (device, 0, (uint32_t) features);
  vmm_virtio__set_features (device, 1, (uint32_t) (features >> 32));
  vmm_virtio__set_status (device, status |= VMM_VIRTIO_S_FEATURES_OK);
  must (device->status == status, "the device does not take its own features");
  return features;
}

void
driver_make_queue (struct driver *driver, unsigned queue, uint16_t size)
{
  struct driver_queue *own = &driver->queues[queue];
  if (size == 0)
    size = driver->device->queues[queue].max;
  *own = (struct driver_queue){ .size = size };
  own->desc = driver_alloc (driver, VMM_RING_DESC_SIZE (size), 16);
  own->avail = driver_alloc (driver, VMM_RING_AVAIL_SIZE (size), 2);
  own->used = driver_alloc (driver, VMM_RING_USED_SIZE (size), 4);
  own->indirect = driver_alloc (driver, VMM_RING_DESC_SIZE (size) * TABLE_MAX, 16);
}

void
driver_queue (struct driver *driver, unsigned queue, uint16_t size)
{
  struct driver_queue *own = &driver->queues[queue];
  driver_make_queue (driver, queue, size);
  own->event_idx = vmm_virtio__has (driver->device, VMM_VIRTIO_F_EVENT_IDX);
  struct vmm_queue *set = vmm_virtio__setup_queue (driver->device, queue);
  must (set != NULL, "the device does not let a queue be set up");
  set->size = own->size;
  set->desc = own->desc;
  set->avail = own->avail;
  set->used = own->used;
  vmm_virtio__enable_queue (driver->device, queue);
  must (set->ready, "the device refuses a queue");
}

void
driver_ok (struct driver *driver)
{
  vmm_virtio__set_status (driver->device, driver->device->status | VMM_VIRTIO_S_DRIVER_OK);
}

void
driver_start (struct driver *driver, uint64_t wanted)
{
  driver_negotiate (driver, wanted);
  for (unsigned i = 0; i < driver->device->n_queues; i++)
    driver_queue (driver, i, 0);
  driver_ok (driver);
  driver_run (driver);
}

void
driver_reset (struct driver *driver)
{
  vmm_virtio__set_status (driver->device, 0);
  memset (driver->queues, 0, sizeof driver->queues);
  memset (driver->interrupts, 0, sizeof driver->interrupts);
  driver->config_interrupts = 0;
}

/* ---- chains ---- */

void
driver_desc (struct driver *driver, unsigned queue, uint16_t index, vmm_gpa addr, uint32_t len, unsigned flags,
             uint16_t next)
{
  struct vmm_ring_desc desc = { .addr = addr, .len = len, .flags = (uint16_t) flags, .next = next };
  driver_set (driver, driver->queues[queue].desc + VMM_RING_DESC_SIZE (index), &desc, sizeof desc);
}

void
driver_offer (struct driver *driver, unsigned queue, uint16_t head)
{
  struct driver_queue *own = &driver->queues[queue];
  store (driver, own->avail + VMM_RING_AVAIL_ENTRY (own->avail_idx % own->size), head);
  driver_jump (driver, queue, 1);
}

void
driver_jump (struct driver *driver, unsigned queue, uint16_t by)
{
  struct driver_queue *own = &driver->queues[queue];
  own->avail_idx = (uint16_t) (own->avail_idx + by);
  store (driver, own->avail + VMM_RING_AVAIL_IDX, own->avail_idx);
}

static uint16_t
take_desc (struct driver_queue *own)
{
  uint16_t index = own->free;
  own->free = (uint16_t) ((index + 1) % own->size);
  return index;
}

uint16_t
driver_add (struct driver *driver, unsigned queue, const struct driver_buffer *buffers, unsigned n)
{
  struct driver_queue *own = &driver->queues[queue];
  uint16_t head = own->free;
  for (unsigned i = 0; i < n; i++) {
    uint16_t index = take_desc (own);
    unsigned flags = (buffers[i].write ? VMM_RING_DESC_WRITE : 0) | (i + 1 < n ? VMM_RING_DESC_NEXT : 0);
    driver_desc (driver, queue, index, buffers[i].addr, buffers[i].len, flags, own->free);
  }
  driver_offer (driver, queue, head);
  return head;
}

uint16_t
driver_add_indirect (struct driver *driver, unsigned queue, const struct driver_buffer *buffers, unsigned n)
{
  struct driver_queue *own = &driver->queues[queue];
  uint16_t head = take_desc (own);
  vmm_gpa table = own->indirect + VMM_RING_DESC_SIZE (head) * TABLE_MAX;
  must (n <= TABLE_MAX, "too many buffers for an indirect table");
  for (unsigned i = 0; i < n; i++) {
    unsigned flags = (buffers[i].write ? VMM_RING_DESC_WRITE : 0) | (i + 1 < n ? VMM_RING_DESC_NEXT : 0);
    struct vmm_ring_desc desc = {
      .addr = buffers[i].addr, .len = buffers[i].len, .flags = (uint16_t) flags, .next = (uint16_t) (i + 1)
    };
    driver_set (driver, table + VMM_RING_DESC_SIZE (i), &desc, sizeof desc);
  }
  driver_desc (driver, queue, head, table, (uint32_t) VMM_RING_DESC_SIZE (n), VMM_RING_DESC_INDIRECT, 0);
  driver_offer (driver, queue, head);
  return head;
}

/* ---- kicks and what comes back ---- */

void
driver_kick (struct driver *driver, unsigned queue)
{
  uint64_t one = 1;
  must (write (driver->device->kick_fds[queue], &one, sizeof one) == (ssize_t) sizeof one, "a kick");
}

bool
driver_wants_kick (struct driver *driver, unsigned queue)
{
  struct driver_queue *own = &driver->queues[queue];
  if (own->event_idx) {
    uint16_t event = load (driver, own->used + VMM_RING_USED_EVENT (own->size));
    return (uint16_t) (own->avail_idx - event - 1) < 1;
  }
  return (load (driver, own->used + VMM_RING_USED_FLAGS) & VMM_RING_USED_NO_NOTIFY) == 0;
}

void
driver_want_interrupt (struct driver *driver, unsigned queue, bool want)
{
  struct driver_queue *own = &driver->queues[queue];
  if (own->event_idx)
    store (driver, own->avail + VMM_RING_AVAIL_EVENT (own->size),
           want ? own->last_used : (uint16_t) (own->last_used - 1));
  else
    store (driver, own->avail + VMM_RING_AVAIL_FLAGS, (uint16_t) (want ? 0 : VMM_RING_AVAIL_NO_INTERRUPT));
}

void
driver_run_for (struct driver *driver, int ms)
{
  fake_run (driver->fake, ms);
}

void
driver_run (struct driver *driver)
{
  driver_run_for (driver, 0);
}

bool
driver_used (struct driver *driver, unsigned queue, uint16_t *head, uint32_t *len)
{
  struct driver_queue *own = &driver->queues[queue];
  struct vmm_ring_used entry;
  if (load (driver, own->used + VMM_RING_USED_IDX) == own->last_used)
    return false;
  driver_get (driver, own->used + VMM_RING_USED_ENTRY (own->last_used % own->size), &entry, sizeof entry);
  own->last_used++;
  if (head != NULL)
    *head = (uint16_t) entry.id;
  if (len != NULL)
    *len = entry.len;
  return true;
}

uint32_t
driver_request (struct driver *driver, unsigned queue, const struct driver_buffer *buffers, unsigned n)
{
  uint16_t head = driver_add (driver, queue, buffers, n), back = 0;
  uint32_t len = 0;
  bool came = false;
  int64_t deadline = vmm_loop__now () + INT64_C (5000000000);
  driver_kick (driver, queue);
  while (!(came = driver_used (driver, queue, &back, &len)) && vmm_loop__now () < deadline)
    vmm_loop__step (driver->env->loop, 100);
  must (came && back == head, "a request did not come back");
  return len;
}

bool
driver_needs_reset (const struct driver *driver)
{
  return (driver->device->status & VMM_VIRTIO_S_NEEDS_RESET) != 0;
}

uint64_t
driver_take (int fd)
{
  uint64_t count = 0;
  ssize_t n = read (fd, &count, sizeof count);
  must (n == (ssize_t) sizeof count || (n < 0 && errno == EAGAIN), "an eventfd");
  return n > 0 ? count : 0;
}
