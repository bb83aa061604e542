/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vdev: a virtio device of the machine, over whichever transport it is there, with registers to use and to misuse, and its rings. */
#ifndef HOSTILE_VDEV_H
#define HOSTILE_VDEV_H

#include "rt.h"

#include "vmm/virtio/ring.h"

enum { ID_NET = 1, ID_BLK = 2, ID_CONSOLE = 3, ID_RNG = 4, ID_BALLOON = 5, ID_VSOCK = 19, ID_FS = 26, ID_PMEM = 27 };

#define S_ACKNOWLEDGE 1u
#define S_DRIVER      2u
#define S_DRIVER_OK   4u
#define S_FEATURES_OK 8u
#define S_NEEDS_RESET 64u
#define S_FAILED      128u
#define F_INDIRECT    (UINT64_C (1) << 28)
#define F_EVENT_IDX   (UINT64_C (1) << 29)
#define F_VERSION_1   (UINT64_C (1) << 32)

#define VDEVS_MAX  32
#define QUEUES_MAX 36 /* one or two more than any device has */
#define RING_MAX   256
#define RING_SIZE  16 /* unless a case wants more */

#define NEXT     VMM_RING_DESC_NEXT
#define WRITE    VMM_RING_DESC_WRITE
#define INDIRECT VMM_RING_DESC_INDIRECT

struct ring {
  uint16_t size; /* 0: not made */
  uint16_t seen; /* used index up to which we have looked */
  volatile struct vmm_ring_desc *desc;
  volatile uint16_t *avail; /* flags, idx, ring */
  volatile uint16_t *used;  /* flags, idx, pairs of 32 bits */
  uint16_t head;            /* the next descriptor that ring_add() takes */
};

struct vdev {
  bool pci;
  uint32_t id;
  unsigned nth;        /* of those with this id */
  unsigned n_queues;   /* found by asking */
  uint64_t base;       /* MMIO registers, or BAR 0 */
  uint64_t bar_config; /* PCI: its configuration space in ECAM */
  uint64_t common, isr, config, notify;
  uint32_t notify_every, config_len;
  uint64_t features; /* taken at start */
  struct ring rings[QUEUES_MAX];
  uint8_t *rings_memory; /* of the first few queues */
};

extern struct vdev vdevs[VDEVS_MAX];
extern unsigned n_vdevs;
void vdev_find_all (void);
struct vdev *vdev_of (uint32_t id, unsigned nth); /* NULL */
const char *vdev_name (const struct vdev *d);

/* ---- registers ---- */
uint32_t v_status (const struct vdev *d);
void v_set_status (const struct vdev *d, uint32_t status);
uint32_t v_offered (const struct vdev *d, uint32_t select);
void v_accept (const struct vdev *d, uint32_t select, uint32_t word);
void v_select (const struct vdev *d, uint32_t queue);
uint32_t v_queue_max (const struct vdev *d); /* PCI: only before it was changed */
void v_set_size (const struct vdev *d, uint32_t size);
/** 0 descriptors, 1 available, 2 used. */
void v_set_address (const struct vdev *d, unsigned which, uint64_t address);
uint32_t v_ready (const struct vdev *d);
void v_set_ready (const struct vdev *d, uint32_t ready);
void v_notify (const struct vdev *d, uint32_t queue);
/** Has the device said that its configuration changed, which NEEDS_RESET counts as? Takes it back. */
bool v_config_interrupt (const struct vdev *d);

/* ---- life ---- */
void vdev_reset (struct vdev *d);
/** To FEATURES_OK with all that is offered but @without; false when the device refuses. */
bool vdev_negotiate (struct vdev *d, uint64_t without);
/** Rings of @size (at most what each queue takes) for the first queues, then DRIVER_OK. */
void vdev_run (struct vdev *d, uint16_t size);
/** All of it. */
bool vdev_start (struct vdev *d, uint16_t size);
/** A ring of @size for @queue in its own memory, registers told; not ready yet. */
void vdev_make_ring (struct vdev *d, unsigned queue, uint16_t size);

/* ---- rings ---- */
void ring_desc (struct ring *r, unsigned i, uint64_t address, uint32_t len, uint16_t flags, uint16_t next);
/** Make the chain from @head available. */
void ring_offer (struct ring *r, uint16_t head);
uint16_t ring_used_index (const struct ring *r);
/** What has come back since; false: nothing. */
bool ring_take (struct ring *r, uint32_t *head, uint32_t *len);

/* A chain of pieces at descriptors from @first on, offered. */
struct piece {
  const volatile void *at;
  uint32_t len;
  bool write;
};
void ring_chain (struct ring *r, unsigned first, const struct piece *pieces, unsigned n);

/* ---- outcomes ---- */
enum outcome { NOTHING = 0, USED, NRST };
/** Until the ring moves or the device wants a reset. */
enum outcome vdev_await (struct vdev *d, unsigned queue, uint32_t ms);

#endif
