/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limiter: two token buckets, bytes and operations; pure, time is an argument. */
#ifndef KATA_VMM_VIRTIO_LIMITER_H
#define KATA_VMM_VIRTIO_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/** Per second and at once; 0 = no limit. */
struct vmm_limit {
  uint64_t bytes, bytes_burst;
  uint64_t ops, ops_burst;
};

struct vmm_limiter {
  struct vmm_limit limit;
  uint64_t bytes_left, ops_left;
  int64_t last_ns;
};

void vmm_limiter__init (struct vmm_limiter *limiter, const struct vmm_limit *limit, int64_t now_ns);
/**
 * Take one operation of @bytes. 0: taken. Otherwise the nanoseconds to wait before trying again, nothing taken. An operation larger than the
 * burst passes when the bucket is full and leaves it empty for as long as it costs.
 */
int64_t vmm_limiter__take (struct vmm_limiter *limiter, uint64_t bytes, int64_t now_ns);

#endif
