/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-rx: frames from the tap into the guest's buffers, by readv; only what the first buffer does not hold is copied. */
#include <errno.h>
#include <sys/uio.h>

#include "vmm/virtio/net-device.h"

enum step { STEP_MORE, STEP_STOP };

static struct vmm_queue *
queue_of (const struct vmm_net_pair *pair)
{
  /* The host spreads flows over all queues of a tap, also over those whose virtqueues the guest does not use. */
  return &pair->net->base->queues[2 * (pair->index % pair->net->active)];
}

/** A chain of the guest's, or why there is none. */
static enum step
take_chain (struct vmm_net_pair *pair, struct vmm_chain *chain)
{
  struct vmm_queue *queue = queue_of (pair);
  const struct vmm_memory *memory = pair->net->base->env->memory;

  for (;;)
    switch (vmm_queue__pop (queue, memory, chain)) {
    case VMM_POP_CHAIN:
      return STEP_MORE;
    case VMM_POP_EMPTY:
      if (vmm_queue__want_kick (queue, memory, true))
        continue;
      pair->starved = true;
      return STEP_STOP;
    default:
      vmm_net__broken (pair->net, queue);
      return STEP_STOP;
    }
}

/** The frame is whole, or given up: its buffers go back together. */
static void
finish (struct vmm_net_pair *pair, bool good)
{
  const struct vmm_net *net = pair->net;
  uint8_t count[2] = { (uint8_t) (pair->n_used & 0xff), (uint8_t) (pair->n_used >> 8) };

  if (good)
    vmm_chain__write (&pair->first, 10, count, sizeof count); /* num_buffers */
  for (unsigned i = 0; !good && i < pair->n_used; i++)
    pair->used[i].written = 0;
  vmm_queue__push_all (queue_of (pair), net->base->env->memory, pair->used, pair->n_used);
  pair->n_used = 0;
  pair->rest_at = pair->rest_len = 0;
}

/** The rest of a frame into further buffers. Stops with the frame in hand when there are none: the next kick goes on. */
static enum step
place_rest (struct vmm_net_pair *pair)
{
  struct vmm_chain *chain = &pair->net->chain;

  while (pair->rest_len > 0) {
    size_t n;

    /* All the guest has, and still too small: it will never fit. */
    if (pair->n_used == queue_of (pair)->size || pair->n_used == VMM_NET_QUEUE_SIZE) {
      vmm_net__log (pair->net, "a frame does not fit all receive buffers");
      finish (pair, false);
      return STEP_MORE;
    }
    if (take_chain (pair, chain) == STEP_STOP)
      return STEP_STOP;
    n = vmm_chain__write (chain, 0, pair->rest + pair->rest_at, pair->rest_len);
    pair->used[pair->n_used++] = (struct vmm_push){ chain->head, (uint32_t) n };
    pair->rest_at += (uint32_t) n;
    pair->rest_len -= (uint32_t) n;
  }
  finish (pair, true);
  return STEP_MORE;
}

/** What the last frame cost is taken from the limiter before the next one is read. */
static bool
pay (struct vmm_net_pair *pair)
{
  struct vmm_net *net = pair->net;
  int64_t wait;

  if (pair->debt == 0)
    return true;
  wait = vmm_limiter__take (&net->rx_limiter, pair->debt, vmm_loop__now ());
  if (wait == 0) {
    pair->debt = 0;
    return true;
  }
  pair->rx_limited = true;
  vmm_timer__arm (net->rx_timer, wait);
  return false;
}

/** Nothing was delivered: the buffer is as if never taken. */
static enum step
no_frame (struct vmm_net_pair *pair, int error)
{
  vmm_queue__unpop (queue_of (pair), &pair->first);
  if (error == 0)
    return STEP_MORE; /* dropped */
  if (error != EAGAIN && error != EINTR && error != ENOMEM && error != ENOBUFS)
    vmm_net_tap__gone (pair);
  return STEP_STOP;
}

static enum step
read_frame (struct vmm_net_pair *pair)
{
  struct vmm_net *net = pair->net;
  const uint32_t most = VMM_NET_HEADER + VMM_NET_FRAME_MAX;
  struct vmm_chain *chain = &pair->first;
  uint32_t room;
  size_t n_iov;
  ssize_t n;

  if (!pay (pair) || take_chain (pair, chain) == STEP_STOP)
    return STEP_STOP;
  room = chain->write_len < most ? chain->write_len : most;
  if (room < VMM_NET_HEADER) {
    vmm_net__log (net, "a receive buffer is smaller than a header");
    pair->used[pair->n_used++] = (struct vmm_push){ chain->head, 0 };
    finish (pair, false);
    return STEP_MORE;
  }
  n_iov = vmm_chain__pieces (chain, true, 0, room, net->iov, VMM_CHAIN_MAX);
  net->iov[n_iov++] = (struct iovec){ pair->rest, most };
  n = readv (pair->fd, net->iov, (int) n_iov);
  if (n < 0)
    return no_frame (pair, errno);
  if (n == 0 && net->packets)
    return no_frame (pair, EPIPE);
  if ((size_t) n < VMM_NET_HEADER + VMM_NET_FRAME_MIN || (size_t) n > most)
    return no_frame (pair, 0);
  if (net->rx_limits)
    pair->debt = (uint32_t) n - VMM_NET_HEADER;
  if ((size_t) n > room && !vmm_virtio__has (net->base, VMM_NET_F_MRG_RXBUF)) {
    vmm_net__log (net, "a frame does not fit its receive buffer");
    return no_frame (pair, 0);
  }
  pair->used[pair->n_used++] = (struct vmm_push){ chain->head, (size_t) n < room ? (uint32_t) n : room };
  pair->rest_len = (size_t) n > room ? (uint32_t) n - room : 0;
  return place_rest (pair);
}

void
vmm_net_rx__run (struct vmm_net_pair *pair)
{
  struct vmm_net *net = pair->net;
  unsigned queue = 2 * (pair->index % net->active);
  uint16_t before = net->base->queues[queue].next_used;
  enum step step = STEP_MORE;

  if (!net->running || net->paused || pair->gone || !net->base->queues[queue].ready)
    step = STEP_STOP;
  for (unsigned budget = VMM_DRAIN_MAX; budget > 0 && step == STEP_MORE; budget--)
    step = pair->rest_len > 0 ? place_rest (pair) : read_frame (pair);
  if (net->base->queues[queue].next_used != before)
    vmm_virtio__used (net->base, queue);
  vmm_net_tap__rewatch (pair); /* with the budget spent it is still watched: the loop comes back, others first */
}

void
vmm_net_rx__kick (struct vmm_net *net, unsigned queue)
{
  for (unsigned i = 0; i < net->n_pairs; i++)
    if (i % net->active == queue && net->pairs[i].starved) {
      net->pairs[i].starved = false;
      vmm_net_rx__run (&net->pairs[i]);
    }
}

void
vmm_net_rx__forget (struct vmm_net_pair *pair)
{
  pair->n_used = 0;
  pair->rest_at = pair->rest_len = 0;
  pair->starved = false;
}

void
vmm_net_rx__timer (void *ctx)
{
  struct vmm_net *net = ctx;

  for (unsigned i = 0; i < net->n_pairs; i++) {
    net->pairs[i].rx_limited = false;
    vmm_net_tap__rewatch (&net->pairs[i]);
  }
}
