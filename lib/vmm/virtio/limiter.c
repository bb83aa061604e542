/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* limiter: two token buckets, bytes and operations; pure, it neither waits nor looks at a clock. */
#include "vmm/virtio/limiter.h"

#include <stddef.h>

#define NS_PER_S   UINT64_C (1000000000)
#define WAIT_MAX   (INT64_MAX / 4) /* 73 years: sums of two stay within int64_t */
#define BURST_PART 10              /* of a second, when no burst is given */

__extension__ typedef unsigned __int128 wide; /* a rate times a time: exact, whatever both are */

static void
bucket_init (struct vmm_bucket *bucket, uint64_t rate, uint64_t burst, uint64_t once, int64_t now_ns)
{
  if (burst == 0)
    burst = rate / BURST_PART > 0 ? rate / BURST_PART : 1;
  *bucket = (struct vmm_bucket){ .rate = rate, .burst = burst, .once = once, .left = burst, .at_ns = now_ns };
}

/* Nanoseconds in which @amount arrives, rounded up. */
static int64_t
bucket_cost (const struct vmm_bucket *bucket, uint64_t amount)
{
  wide ns = ((wide) amount * NS_PER_S + bucket->rate - 1) / bucket->rate;
  return ns > (wide) WAIT_MAX ? WAIT_MAX : (int64_t) ns;
}

static void
bucket_refill (struct vmm_bucket *bucket, int64_t now_ns)
{
  if (now_ns <= bucket->at_ns)
    return;
  wide came = (wide) (uint64_t) (now_ns - bucket->at_ns) * bucket->rate / NS_PER_S;
  if (came >= bucket->burst - bucket->left) {
    bucket->left = bucket->burst;
    bucket->at_ns = now_ns;
  } else if (came > 0) {
    /* What did not make a whole token stays in at_ns. Rounded up: never more than the rate. */
    bucket->left += (uint64_t) came;
    bucket->at_ns += bucket_cost (bucket, (uint64_t) came);
  }
}

/* 0, or how long until @amount can be taken. */
static int64_t
bucket_wait (struct vmm_bucket *bucket, uint64_t amount, int64_t now_ns)
{
  if (bucket->rate == 0 || amount <= bucket->once)
    return 0;
  amount -= bucket->once;
  bucket_refill (bucket, now_ns);
  uint64_t need = amount < bucket->burst ? amount : bucket->burst;
  if (bucket->left >= need)
    return 0;
  int64_t at = bucket->at_ns + bucket_cost (bucket, need - bucket->left);
  return at > now_ns ? at - now_ns : 1;
}

static void
bucket_take (struct vmm_bucket *bucket, uint64_t amount, int64_t now_ns)
{
  if (bucket->rate == 0)
    return;
  uint64_t once = amount < bucket->once ? amount : bucket->once;
  bucket->once -= once;
  amount -= once;
  if (amount <= bucket->left) {
    bucket->left -= amount;
    return;
  }
  /* Only from a full bucket: what it does not hold is paid in time. */
  bucket->at_ns = now_ns + bucket_cost (bucket, amount - bucket->left);
  bucket->left = 0;
}

void
vmm_limiter__init (struct vmm_limiter *limiter, const struct vmm_limit *limit, int64_t now_ns)
{
  bucket_init (&limiter->bytes, limit->bytes, limit->bytes_burst, limit->bytes_once, now_ns);
  bucket_init (&limiter->ops, limit->ops, limit->ops_burst, limit->ops_once, now_ns);
}

int64_t
vmm_limiter__take (struct vmm_limiter *limiter, uint64_t bytes, int64_t now_ns)
{
  int64_t for_bytes = bucket_wait (&limiter->bytes, bytes, now_ns);
  int64_t for_ops = bucket_wait (&limiter->ops, 1, now_ns);

  if (for_bytes > 0 || for_ops > 0)
    return for_bytes > for_ops ? for_bytes : for_ops;
  bucket_take (&limiter->bytes, bytes, now_ns);
  bucket_take (&limiter->ops, 1, now_ns);
  return 0;
}
