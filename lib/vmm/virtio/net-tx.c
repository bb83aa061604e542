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

/** True: done with it, sent or dropped. */
static bool
send_frame (struct vmm_net_pair *pair, const struct vmm_chain *chain)
{
  struct vmm_net *net = pair->net;
  uint8_t header[VMM_NET_HEADER];
  const char *fault;
  int64_t wait;
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
  wait = vmm_limiter__take (&net->tx_limiter, frame, vmm_loop__now ());
  if (wait > 0) {
    pair->tx_limited = true;
    vmm_timer__arm (net->tx_timer, wait);
    return false;
  }
  net->iov[0] = (struct iovec){ header, sizeof header };
  n_iov = vmm_chain__pieces (chain, false, sizeof header, frame, net->iov + 1, VMM_CHAIN_MAX);
  return n_iov == 0 || writev (pair->fd, net->iov, (int) n_iov + 1) >= 0 || !must_wait (pair, errno);
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
