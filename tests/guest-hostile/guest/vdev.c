/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vdev: finds the machine's virtio devices, and drives them as a good driver would; the cases then do otherwise. */
#include "vdev.h"

#include "report.h"

#include "vmm/layout.h"
#include "vmm/pci/regs.h"
#include "vmm/virtio/mmio-regs.h"
#include "vmm/virtio/pci-regs.h"

#define MMIO_SLOTS   40
#define PCI_SLOTS    32
#define QUEUES_RINGS 5 /* queues with a ring of their own: enough for each device's first of each kind */
#define RING_BYTES   8192u

struct vdev vdevs[VDEVS_MAX];
unsigned n_vdevs;

/* ---- found ---- */

static void
add (struct vdev *d)
{
  for (unsigned i = 0; i < n_vdevs; i++)
    d->nth += vdevs[i].id == d->id;
  v_set_status (d, 0);
  while (d->n_queues < QUEUES_MAX) {
    v_select (d, d->n_queues);
    if (v_queue_max (d) == 0)
      break;
    d->n_queues++;
  }
  d->rings_memory = take (QUEUES_RINGS * (size_t) RING_BYTES, 4096);
  vdevs[n_vdevs++] = *d;
}

static void
find_mmio (void)
{
  for (unsigned i = 0; i < MMIO_SLOTS; i++) {
    uint64_t base = VMM_LAYOUT_VIRTIO_MMIO + i * VMM_LAYOUT_VIRTIO_STRIDE;
    if (get32 (base + VMM_MMIO_MAGIC) != VMM_MMIO_MAGIC_VALUE || get32 (base + VMM_MMIO_DEVICE_ID) == 0)
      continue;
    struct vdev d = { .base = base, .id = get32 (base + VMM_MMIO_DEVICE_ID), .config = base + VMM_MMIO_CONFIG };
    add (&d);
  }
}

static void
find_capabilities (struct vdev *d)
{
  unsigned guard = 0;
  for (unsigned at = get8 (d->bar_config + VMM_PCI_CAPABILITIES); at != 0 && guard < 48; guard++) {
    uint64_t cap = d->bar_config + at;
    uint64_t place = d->base + get32 (cap + VMM_VPCI_CAP_OFFSET);
    at = get8 (cap + 1);
    if (get8 (cap) != VMM_PCI_CAP_VENDOR)
      continue;
    switch (get8 (cap + VMM_VPCI_CAP_TYPE)) {
    case VMM_VPCI_TYPE_COMMON:
      d->common = place;
      break;
    case VMM_VPCI_TYPE_NOTIFY:
      d->notify = place;
      d->notify_every = get32 (cap + VMM_VPCI_CAP_MORE);
      break;
    case VMM_VPCI_TYPE_ISR:
      d->isr = place;
      break;
    case VMM_VPCI_TYPE_DEVICE:
      d->config = place;
      break;
    default:
      break;
    }
  }
}

static void
find_pci (void)
{
  for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
    uint64_t at = VMM_LAYOUT_ECAM + ((uint64_t) slot << 15);
    if (get16 (at + VMM_PCI_VENDOR) != VMM_VPCI_VENDOR)
      continue;
    struct vdev d = { .pci = true, .bar_config = at, .id = get16 (at + VMM_PCI_DEVICE) - VMM_VPCI_DEVICE_BASE };
    d.base = (get32 (at + VMM_PCI_BAR0) & ~15u) | (uint64_t) get32 (at + VMM_PCI_BAR0 + 4) << 32;
    map_gigabyte (d.base);
    set16 (at + VMM_PCI_COMMAND, VMM_PCI_COMMAND_MEMORY | VMM_PCI_COMMAND_MASTER);
    find_capabilities (&d);
    add (&d);
  }
}

void
vdev_find_all (void)
{
  find_mmio ();
  find_pci ();
}

struct vdev *
vdev_of (uint32_t id, unsigned nth)
{
  for (unsigned i = 0; i < n_vdevs; i++)
    if (vdevs[i].id == id && vdevs[i].nth == nth)
      return &vdevs[i];
  return NULL;
}

const char *
vdev_name (const struct vdev *d)
{
  switch (d->id) {
  case ID_NET:
    return "net";
  case ID_BLK:
    return d->nth == 0 ? "blk" : "blk-ro";
  case ID_CONSOLE:
    return "console";
  case ID_RNG:
    return "rng";
  case ID_BALLOON:
    return "balloon";
  case ID_VSOCK:
    return "vsock";
  case ID_FS:
    return "fs";
  case ID_PMEM:
    return d->nth == 0 ? "pmem" : "pmem-ro";
  default:
    return "unknown";
  }
}

/* ---- registers ---- */

uint32_t
v_status (const struct vdev *d)
{
  return d->pci ? get8 (d->common + VMM_VPCI_DEVICE_STATUS) : get32 (d->base + VMM_MMIO_STATUS);
}

void
v_set_status (const struct vdev *d, uint32_t status)
{
  if (d->pci)
    set8 (d->common + VMM_VPCI_DEVICE_STATUS, (uint8_t) status);
  else
    set32 (d->base + VMM_MMIO_STATUS, status);
}

uint32_t
v_offered (const struct vdev *d, uint32_t select)
{
  set32 (d->pci ? d->common + VMM_VPCI_DEVICE_FEATURE_SELECT : d->base + VMM_MMIO_DEVICE_FEATURES_SEL, select);
  return get32 (d->pci ? d->common + VMM_VPCI_DEVICE_FEATURE : d->base + VMM_MMIO_DEVICE_FEATURES);
}

void
v_accept (const struct vdev *d, uint32_t select, uint32_t word)
{
  set32 (d->pci ? d->common + VMM_VPCI_DRIVER_FEATURE_SELECT : d->base + VMM_MMIO_DRIVER_FEATURES_SEL, select);
  set32 (d->pci ? d->common + VMM_VPCI_DRIVER_FEATURE : d->base + VMM_MMIO_DRIVER_FEATURES, word);
}

void
v_select (const struct vdev *d, uint32_t queue)
{
  if (d->pci)
    set16 (d->common + VMM_VPCI_QUEUE_SELECT, (uint16_t) queue);
  else
    set32 (d->base + VMM_MMIO_QUEUE_SEL, queue);
}

uint32_t
v_queue_max (const struct vdev *d)
{
  return d->pci ? get16 (d->common + VMM_VPCI_QUEUE_SIZE) : get32 (d->base + VMM_MMIO_QUEUE_NUM_MAX);
}

void
v_set_size (const struct vdev *d, uint32_t size)
{
  if (d->pci)
    set16 (d->common + VMM_VPCI_QUEUE_SIZE, (uint16_t) size);
  else
    set32 (d->base + VMM_MMIO_QUEUE_NUM, size);
}

void
v_set_address (const struct vdev *d, unsigned which, uint64_t address)
{
  uint64_t at = d->pci ? d->common + VMM_VPCI_QUEUE_DESC + 8 * which : d->base + VMM_MMIO_QUEUE_DESC_LOW + 16 * which;
  set32 (at, (uint32_t) address);
  set32 (at + 4, (uint32_t) (address >> 32));
}

uint32_t
v_ready (const struct vdev *d)
{
  return d->pci ? get16 (d->common + VMM_VPCI_QUEUE_ENABLE) : get32 (d->base + VMM_MMIO_QUEUE_READY);
}

void
v_set_ready (const struct vdev *d, uint32_t ready)
{
  if (d->pci)
    set16 (d->common + VMM_VPCI_QUEUE_ENABLE, (uint16_t) ready);
  else
    set32 (d->base + VMM_MMIO_QUEUE_READY, ready);
}

void
v_notify (const struct vdev *d, uint32_t queue)
{
  barrier ();
  if (d->pci)
    set16 (d->notify + (uint64_t) queue * d->notify_every, (uint16_t) queue);
  else
    set32 (d->base + VMM_MMIO_QUEUE_NOTIFY, queue);
}

bool
v_config_interrupt (const struct vdev *d)
{
  if (d->pci)
    return (get8 (d->isr) & VMM_VPCI_ISR_CONFIG) != 0;
  uint32_t what = get32 (d->base + VMM_MMIO_INTERRUPT_STATUS);
  set32 (d->base + VMM_MMIO_INTERRUPT_ACK, what);
  return (what & VMM_MMIO_INTERRUPT_CONFIG) != 0;
}

/* ---- life ---- */

void
vdev_reset (struct vdev *d)
{
  v_set_status (d, 0);
  for (unsigned i = 0; i < QUEUES_MAX; i++)
    d->rings[i].size = 0;
}

bool
vdev_negotiate (struct vdev *d, uint64_t without)
{
  vdev_reset (d);
  v_set_status (d, S_ACKNOWLEDGE);
  v_set_status (d, S_ACKNOWLEDGE | S_DRIVER);
  uint64_t offered = v_offered (d, 0) | (uint64_t) v_offered (d, 1) << 32;
  d->features = offered & ~without;
  v_accept (d, 0, (uint32_t) d->features);
  v_accept (d, 1, (uint32_t) (d->features >> 32));
  v_set_status (d, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
  return (v_status (d) & S_FEATURES_OK) != 0;
}

void
vdev_make_ring (struct vdev *d, unsigned queue, uint16_t size)
{
  struct ring *r = &d->rings[queue];
  uint8_t *memory = d->rings_memory + queue * RING_BYTES;
  memset (memory, 0, 16u * size + 6 + 2u * size + 8 + 6 + 8u * size);
  *r = (struct ring){ .size = size, .desc = (volatile void *) memory };
  r->avail = (volatile void *) (memory + 16u * size);
  r->used = (volatile void *) (memory + ((16u * size + 6 + 2u * size + 3) & ~3u));
  v_select (d, queue);
  v_set_size (d, size);
  v_set_address (d, 0, (uint64_t) r->desc);
  v_set_address (d, 1, (uint64_t) r->avail);
  v_set_address (d, 2, (uint64_t) r->used);
}

void
vdev_run (struct vdev *d, uint16_t size)
{
  for (unsigned i = 0; i < d->n_queues && i < QUEUES_RINGS; i++) {
    v_select (d, i);
    uint32_t max = v_queue_max (d);
    vdev_make_ring (d, i, size < max ? size : (uint16_t) max);
    v_set_ready (d, 1);
  }
  v_set_status (d, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK);
}

bool
vdev_start (struct vdev *d, uint16_t size)
{
  /* Without EVENT_IDX: each chain is told by its index alone. */
  if (!vdev_negotiate (d, F_EVENT_IDX))
    return false;
  vdev_run (d, size);
  return true;
}

/* ---- rings ---- */

void
ring_desc (struct ring *r, unsigned i, uint64_t address, uint32_t len, uint16_t flags, uint16_t next)
{
  r->desc[i].addr = address;
  r->desc[i].len = len;
  r->desc[i].flags = flags;
  r->desc[i].next = next;
}

void
ring_offer (struct ring *r, uint16_t head)
{
  uint16_t index = r->avail[1];
  r->avail[2 + index % r->size] = head;
  barrier ();
  r->avail[1] = (uint16_t) (index + 1);
}

uint16_t
ring_used_index (const struct ring *r)
{
  return r->used[1];
}

bool
ring_take (struct ring *r, uint32_t *head, uint32_t *len)
{
  barrier ();
  if (ring_used_index (r) == r->seen)
    return false;
  const volatile uint32_t *entry = (const volatile uint32_t *) (r->used + 2) + 2 * (r->seen % r->size);
  if (head != NULL)
    *head = entry[0];
  if (len != NULL)
    *len = entry[1];
  r->seen++;
  return true;
}

void
ring_chain (struct ring *r, unsigned first, const struct piece *pieces, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    ring_desc (r, first + i, (uint64_t) pieces[i].at, pieces[i].len,
               (uint16_t) ((pieces[i].write ? WRITE : 0) | (i + 1 < n ? NEXT : 0)), (uint16_t) (first + i + 1));
  ring_offer (r, (uint16_t) first);
}

/* ---- outcomes ---- */

enum outcome
vdev_await (struct vdev *d, unsigned queue, uint32_t ms)
{
  struct ring *r = &d->rings[queue];
  uint64_t start = now_us (), end = start + ms * 1000ull, look = start + 200;
  for (;;) {
    barrier ();
    if (ring_used_index (r) != r->seen)
      return USED;
    uint64_t now = now_us ();
    if (now >= look) {
      if ((v_status (d) & S_NEEDS_RESET) != 0)
        return NRST;
      look = now + 500;
      if (now - start > 300000)
        report_alive (); /* our own exits are served: a large request takes its time */
    }
    if (now >= end)
      return NOTHING;
    relax ();
  }
}
