/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring: the three areas of a split virtqueue as they lie in guest memory (virtio 1.2, 2.7.5 to 2.7.8): little-endian, sizes in bytes; no code. */
#ifndef KATA_VMM_VIRTIO_RING_H
#define KATA_VMM_VIRTIO_RING_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the rings are little-endian and read as they are");

/** 2.7.5, driver to device: one buffer. 16 bytes, the table is aligned to 16. */
struct vmm_ring_desc {
  uint64_t addr;
  uint32_t len;
  uint16_t flags;
  uint16_t next;
};
_Static_assert(sizeof (struct vmm_ring_desc) == 16, "2.7.5");
#define VMM_RING_DESC_NEXT     1u
#define VMM_RING_DESC_WRITE    2u
#define VMM_RING_DESC_INDIRECT 4u
#define VMM_RING_DESC_SIZE(n)  (16ull * (n))
#define VMM_RING_DESC_ALIGN    16u

/** 2.7.6, driver to device: u16 flags, u16 idx, u16 ring[n], u16 used_event. */
#define VMM_RING_AVAIL_FLAGS        0u
#define VMM_RING_AVAIL_IDX          2u
#define VMM_RING_AVAIL_ENTRY(i)     (4u + 2u * (i))
#define VMM_RING_AVAIL_EVENT(n)     (4u + 2u * (n))
#define VMM_RING_AVAIL_SIZE(n)      (6ull + 2u * (n))
#define VMM_RING_AVAIL_ALIGN        2u
#define VMM_RING_AVAIL_NO_INTERRUPT 1u

/** 2.7.8, device to driver: one chain that comes back. */
struct vmm_ring_used {
  uint32_t id;
  uint32_t len;
};
/** u16 flags, u16 idx, struct vmm_ring_used ring[n], u16 avail_event. */
#define VMM_RING_USED_FLAGS     0u
#define VMM_RING_USED_IDX       2u
#define VMM_RING_USED_ENTRY(i)  (4u + 8u * (i))
#define VMM_RING_USED_EVENT(n)  (4u + 8u * (n))
#define VMM_RING_USED_SIZE(n)   (6ull + 8u * (n))
#define VMM_RING_USED_ALIGN     4u
#define VMM_RING_USED_NO_NOTIFY 1u

#endif
