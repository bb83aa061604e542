/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* toy: a virtio device for tests of what all devices share: it answers each chain with its own bytes and counts what is asked of it. */
#ifndef KATA_TEST_VMM_VIRTIO_TOY_H
#define KATA_TEST_VMM_VIRTIO_TOY_H

#include "vmm/virtio/virtio.h"

#define TOY_QUEUES     3
#define TOY_QUEUE_SIZE 64
#define TOY_CONFIG     10
#define TOY_FEATURE    (UINT64_C (1) << 5)
#define TOY_BUDGET     VMM_DRAIN_MAX

struct toy {
  struct vmm_virtio *base;
  unsigned activated, kicked[TOY_QUEUES], resets, quiesced, resumed;
  bool hold; /* keep chains: the test gives them back */
  unsigned n_held;
  uint16_t held[TOY_QUEUE_SIZE];
  uint8_t config[TOY_CONFIG];
  int kick_fd, call_fd; /* of the last queue that was handed over */
  unsigned handed;
};

extern const struct vmm_virtio_ops toy_ops;
/** The same, but its queues are served elsewhere. */
extern const struct vmm_virtio_ops toy_away_ops;

static inline struct toy *
toy_of (struct vmm_virtio *device)
{
  return device->self;
}

#endif
