/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kinds: what each kind of device does for a good driver, so that a case can see that it still does. */
#ifndef HOSTILE_KINDS_H
#define HOSTILE_KINDS_H

#include "vdev.h"

/** How long to wait for what has to come, and what counts as a second: the host says how slow it is. */
uint32_t patience_ms (void);
uint64_t second_us (void);

/** The queue that the device serves on a kick alone. */
unsigned main_queue (const struct vdev *d);
/** A valid request to a device that runs, and its answer checked; "" or what is wrong. */
const char *good_request (struct vdev *d);
/** Reset, start, a valid request: "" or what is wrong. */
const char *revive (struct vdev *d);
/** Another device than @d does its work: "" or what is wrong. */
const char *others_live (const struct vdev *d);

/* virtio 1.2, 5.2.6 */
struct blk_header {
  uint32_t type, reserved;
  uint64_t sector;
};
enum { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_ID = 8, BLK_DISCARD = 11, BLK_ZEROES = 13 };
enum { BLK_OK = 0, BLK_IOERR = 1, BLK_UNSUPP = 2 };

/* virtio 1.2, 5.10.6 */
struct vsock_header {
  uint64_t src_cid, dst_cid;
  uint32_t src_port, dst_port, len;
  uint16_t type, op;
  uint32_t flags, buf_alloc, fwd_cnt;
} __attribute__ ((packed));
enum { OP_REQUEST = 1, OP_RESPONSE, OP_RST, OP_SHUTDOWN, OP_RW, OP_CREDIT_UPDATE, OP_CREDIT_REQUEST };
#define GUEST_CID 3

/** Memory that everybody may use for buffers: 64 KiB, and a page of answers. */
extern uint8_t *buffer, *answer;
#define BUFFER_SIZE 65536u

void kinds_start (void);

/** Sector @n of the disks: what the host has written there. */
uint8_t disk_byte (uint64_t sector);
/** One blk request in the main queue with up to @len bytes of data at buffer; the status, 0x100 with NRST, 0x200 without an answer. */
uint32_t blk_request (struct vdev *d, uint32_t type, uint64_t sector, uint32_t len);
/** Sends a packet; what came back (at answer) or false. */
bool vsock_send (struct vdev *d, const struct vsock_header *h, const void *data, uint32_t len);
/** Puts @n receive buffers of @size. */
void vsock_receive_buffers (struct vdev *d, unsigned n, uint32_t size);
/** The next packet from the device; NULL after @ms. Its buffer goes back to the device. */
const struct vsock_header *vsock_next (struct vdev *d, uint32_t ms);

#endif
