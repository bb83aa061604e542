/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limiter: two token buckets, bytes and operations; pure, time is an argument. */
#ifndef KATA_VMM_VIRTIO_LIMITER_H
#define KATA_VMM_VIRTIO_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Per second and at once. A rate of 0 = no limit; a burst of 0 = what the rate gives in 100 ms, one operation at least. What is given once is
 * used up before the buckets and never comes back.
 */
struct vmm_limit {
  uint64_t bytes, bytes_burst, bytes_once;
  uint64_t ops, ops_burst, ops_once;
};

/** Counts up to @burst at @rate; @at_ns is the time @left is of, in the future while a large operation is paid off. @once goes first. */
struct vmm_bucket {
  uint64_t rate, burst, once, left;
  int64_t at_ns;
};

struct vmm_limiter {
  struct vmm_bucket bytes, ops;
};

/** @now_ns: CLOCK_MONOTONIC. Both buckets start full. */
void vmm_limiter__init (struct vmm_limiter *limiter, const struct vmm_limit *limit, int64_t now_ns);
/**
 * Take one operation of @bytes. 0: taken. Otherwise the nanoseconds to wait before trying again, nothing taken. An operation larger than the
 * burst passes when the bucket is full and leaves it empty for as long as it costs.
 */
int64_t vmm_limiter__take (struct vmm_limiter *limiter, uint64_t bytes, int64_t now_ns);

#endif
