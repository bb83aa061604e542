/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-tx: frames of the guest's to the tap, by writev from its memory; only the header is copied, as it is checked. */
#include <errno.h>
#include <sys/uio.h>

#include "vmm/virtio/net-device.h"

/** The tap said no: true when the frame has to wait for it. */
static bool
must_wait (struct vmm_net_pair *pair, int error)
{
  switch (error) {
  case EAGAIN:
    pair->full = true;
    return true;
  case EBADFD:
  case EBADF:
  case ENODEV:
  case ENXIO:
  case EPIPE:
  case ECONNRESET:
    vmm_net_tap__gone (pair);
    return false;
  default: /* EIO: the interface is down; EINVAL, ENOMEM, ENOBUFS: this frame is lost, as on a wire */
    return false;
  }
}

/** The pair whose queue of the tap takes the frame: its flow's, as long as that is busy (net-flow.h), else the one it came from. */
static struct vmm_net_pair *
way_of (struct vmm_net_pair *pair, const struct vmm_chain *chain, int64_t now)
{
  struct vmm_net *net = pair->net;
  uint8_t headers[VMM_NET_FLOW_HEADERS];
  uint32_t hash;

  if (net->active < 2 || pair->index >= net->active ||
      !vmm_net_flow__hash (&hash, headers, vmm_chain__read (chain, VMM_NET_HEADER, headers, sizeof headers)))
    return pair;
  struct vmm_net_pair *way = &net->pairs[vmm_net_flow__pair (&net->flows, hash, pair->index, net->active, now)];
  return way->gone || way->full ? pair : way;
}

/* Another pair's queue that is full or gone is no reason to wait: the frame takes its own. */
static bool
write_frame (struct vmm_net_pair *pair, struct vmm_net_pair *way, const struct iovec *iov, int n)
{
  return (way != pair && writev (way->fd, iov, n) >= 0) || writev (pair->fd, iov, n) >= 0 || !must_wait (pair, errno);
}

/** True: done with it, sent or dropped. */
static bool
send_frame (struct vmm_net_pair *pair, const struct vmm_chain *chain)
{
  struct vmm_net *net = pair->net;
  uint8_t header[VMM_NET_HEADER];
  const char *fault;
  int64_t now = vmm_loop__now (), wait;
  size_t frame, n_iov;

  if (vmm_chain__read (chain, 0, header, sizeof header) < sizeof header) {
    vmm_net__log (net, "a frame is shorter than its header");
    return true;
  }
  frame = chain->read_len - sizeof header;
  fault = vmm_net_header__clean (header, net->base->features, frame);
  if (fault) {
    vmm_net__log (net, fault);
    return true;
  }
  if (pair->gone)
    return true;
  wait = vmm_limiter__take (&net->tx_limiter, frame, now);
  if (wait > 0) {
    pair->tx_limited = true;
    vmm_timer__arm (net->tx_timer, wait);
    return false;
  }
  net->iov[0] = (struct iovec){ header, sizeof header };
  n_iov = vmm_chain__pieces (chain, false, sizeof header, frame, net->iov + 1, VMM_CHAIN_MAX);
  return n_iov == 0 || write_frame (pair, way_of (pair, chain, now), net->iov, (int) n_iov + 1);
}

void
vmm_net_tx__run (struct vmm_net_pair *pair)
{
  struct vmm_net *net = pair->net;
  unsigned number = 2 * pair->index + 1, budget = VMM_DRAIN_MAX;
  struct vmm_queue *queue = &net->base->queues[number];
  enum vmm_pop got = VMM_POP_EMPTY;

  while (net->running && !net->paused && !pair->full && !pair->tx_limited &&
         (got = vmm_virtio__next (net->base, number, &budget, &net->chain)) == VMM_POP_CHAIN) {
    if (!send_frame (pair, &net->chain)) {
      vmm_queue__unpop (queue, &net->chain);
      break;
    }
    vmm_queue__push (queue, net->base->env->memory, net->chain.head, 0);
  }
  if (got == VMM_POP_BROKEN)
    vmm_net__broken (net, queue);
  vmm_virtio__used (net->base, number);
  vmm_net_tap__rewatch (pair);
}

void
vmm_net_tx__timer (void *ctx)
{
  struct vmm_net *net = ctx;

  for (unsigned i = 0; i < net->n_pairs; i++)
    if (net->pairs[i].tx_limited) {
      net->pairs[i].tx_limited = false;
      vmm_net_tx__run (&net->pairs[i]);
    }
}
