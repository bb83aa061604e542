/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rng: the entropy device (virtio 1.2, 5.4); it fills what the guest offers, a bounded part at a time. */
#include "vmm/virtio/rng.h"

#include <sys/random.h>

#define RNG_ID         4
#define RNG_QUEUE_SIZE 64
/* Of one request: the guest may offer gigabytes, and gets what it is told it got. Also of one turn, so that other devices come next. */
#define RNG_BYTES_MAX 65536u

struct rng {
  struct vmm_virtio *base;
};

static int
rng_realize (void *self, struct vmm_virtio *base, const void *config, kata_error **err)
{
  struct rng *rng = self;
  (void) config;
  (void) err;
  rng->base = base;
  base->n_queues = 1;
  vmm_queue__init (&base->queues[0], RNG_QUEUE_SIZE);
  return 0;
}

/* The host's generator writes into the guest's buffers; returns how many bytes, fewer when it is interrupted. */
static uint32_t
rng_fill (const struct vmm_chain *chain)
{
  uint32_t done = 0;
  for (unsigned i = 0; i < chain->n_write && done < RNG_BYTES_MAX; i++) {
    const struct iovec *iov = &chain->iov[chain->n_read + i];
    size_t want = iov->iov_len < RNG_BYTES_MAX - done ? iov->iov_len : RNG_BYTES_MAX - done;
    ssize_t n = getrandom (iov->iov_base, want, 0);
    if (n > 0)
      done += (uint32_t) n;
    if (n < 0 || (size_t) n < want)
      break;
  }
  return done;
}

static void
rng_kick (void *self, unsigned number)
{
  struct rng *rng = self;
  struct vmm_queue *queue = &rng->base->queues[number];
  const struct vmm_memory *memory = rng->base->env->memory;
  struct vmm_chain chain;
  enum vmm_pop got = VMM_POP_EMPTY;
  uint32_t bytes = 0;
  vmm_queue__want_kick (queue, memory, false);
  for (unsigned n = 0; n < VMM_DRAIN_MAX && bytes < RNG_BYTES_MAX; n++) {
    got = vmm_queue__pop (queue, memory, &chain);
    if (got != VMM_POP_CHAIN)
      break;
    uint32_t filled = rng_fill (&chain);
    bytes += filled;
    vmm_queue__push (queue, memory, chain.head, filled);
  }
  vmm_virtio__used (rng->base, number);
  if (got == VMM_POP_BROKEN)
    vmm_virtio__needs_reset (rng->base, queue->why);
  else if (got == VMM_POP_CHAIN || vmm_queue__want_kick (queue, memory, true))
    vmm_virtio__again (rng->base, number);
}

const struct vmm_virtio_ops vmm_virtio_rng_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-rng",
  .device_id = RNG_ID,
  .instance_size = sizeof (struct rng),
  .realize = rng_realize,
  .kick = rng_kick,
};
