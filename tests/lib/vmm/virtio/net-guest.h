/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-guest: a guest with a network card and the wire it hangs on, for tests: packet sockets instead of taps, frames in and out. */
#ifndef KATA_TEST_VMM_VIRTIO_NET_GUEST_H
#define KATA_TEST_VMM_VIRTIO_NET_GUEST_H

#include "driver.h"

#include "vmm/virtio/net-device.h"
#include "vmm/virtio/net.h"

#define CARD_FEATURES (~(VMM_VIRTIO_F_EVENT_IDX | VMM_NET_F_MQ))

struct card {
  struct driver driver;
  struct vmm_net *net; /* the instance */
  int wires[VMM_NET_PAIRS_MAX];
  vmm_gpa tx;                                             /* room for a frame of any size */
  vmm_gpa rx_of[256];                                     /* buffers of receive queue 0 by head */
  uint8_t frame[VMM_NET_HEADER + VMM_NET_FRAME_MAX + 16]; /* the last one received, with its header */
};

/** @limits: (nullable) rx and tx come from it. The driver has not started. */
void card_make (struct card *card, unsigned pairs, const struct vmm_net_config *limits);
/** Negotiate @features, all queues, @n receive buffers of @len bytes each in queue 0. */
void card_begin (struct card *card, uint64_t features, unsigned n, uint32_t len);
void card_close (struct card *card);
void card_buffer (struct card *card, uint32_t len);
void card_run (struct card *card);

/** The guest sends @header (12 bytes) and @len bytes of a pattern on transmit queue @pair; comes back when the device is done with it. */
void card_send (struct card *card, unsigned pair, const uint8_t *header, size_t len);
/** What came over the wire: bytes, or -1. Goes to card->frame. */
ssize_t card_wire (struct card *card, unsigned pair);
/** The host sends a frame of @len bytes of the pattern, header before it. */
void card_give (struct card *card, unsigned pair, size_t len);
/** The guest takes a whole frame from receive queue 0 into card->frame: bytes with header, -1 nothing, 0 an empty buffer came back. */
ssize_t card_take (struct card *card);
uint8_t card_byte (size_t i);
/** A control command; the acknowledgement, or -1 when nothing was written. */
int card_control (struct card *card, const void *words, size_t len);

#endif
