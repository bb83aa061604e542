/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-device: what the parts of the network card share; for net*.c alone. */
#ifndef KATA_VMM_VIRTIO_NET_DEVICE_H
#define KATA_VMM_VIRTIO_NET_DEVICE_H

#include "vmm/virtio/limiter.h"
#include "vmm/virtio/net-flow.h"
#include "vmm/virtio/net-header.h"
#include "vmm/virtio/net.h"

#define VMM_NET_QUEUE_SIZE 256u

struct vmm_net;

/** One tap queue with its two virtqueues. */
struct vmm_net_pair {
  struct vmm_net *net;
  unsigned index;
  int fd;
  struct vmm_watch *watch;
  uint32_t watched;            /* events asked for */
  bool gone;                   /* the tap: nothing is asked of it any more */
  bool starved;                /* no receive buffers: the tap is not looked at until the guest kicks */
  bool full;                   /* the tap takes nothing: waiting for EPOLLOUT */
  bool rx_limited, tx_limited; /* waiting for the limiter's timers */
  uint32_t debt;               /* bytes delivered and not yet taken from the limiter */
  /* A frame that is being delivered: what its first buffer did not hold, and the buffers it has so far. */
  uint8_t *rest;
  uint32_t rest_at, rest_len;
  struct vmm_chain first;
  struct vmm_push used[VMM_NET_QUEUE_SIZE];
  unsigned n_used;
};

struct vmm_net {
  struct vmm_virtio *base;
  bool packets; /* of the configuration */
  bool running, paused;
  bool link;
  bool rx_limits; /* there are some */
  uint8_t mac[6];
  uint16_t mtu;
  unsigned n_pairs, active; /* pairs there are, pairs the guest uses */
  struct vmm_net_pair *pairs;
  struct vmm_limiter rx_limiter, tx_limiter;
  struct vmm_timer *rx_timer, *tx_timer;
  struct vmm_net_flows flows; /* looked at with several pairs in use only */
  struct vmm_chain chain;     /* one request's; here for its size */
  struct iovec iov[VMM_CHAIN_MAX + 1];
};

/* ---- net.c ---- */
/** The driver broke a rule. */
void vmm_net__broken (struct vmm_net *net, const struct vmm_queue *queue);
void vmm_net__log (struct vmm_net *net, const char *text);

/* ---- net-tap.c: the host's side ---- */
/** Takes dups and makes sure of each: a tap with headers of 12 bytes. */
int vmm_net_tap__open (struct vmm_net *net, const struct vmm_net_config *config, kata_error **err);
void vmm_net_tap__close (struct vmm_net *net);
/** What the guest can take: checksums and segments, by its features or (within them) by its word. */
void vmm_net_tap__offload (struct vmm_net *net, uint64_t features);
/** Watch for what can be dealt with now, nothing else. */
void vmm_net_tap__rewatch (struct vmm_net_pair *pair);
/** It is no more: the guest sees the link go down when it was the last one. */
void vmm_net_tap__gone (struct vmm_net_pair *pair);

/* ---- net-rx.c, net-tx.c ---- */
void vmm_net_rx__run (struct vmm_net_pair *pair);
/** The guest gave buffers to receive queue number @queue (of pairs). */
void vmm_net_rx__kick (struct vmm_net *net, unsigned queue);
void vmm_net_rx__forget (struct vmm_net_pair *pair);
void vmm_net_rx__timer (void *ctx);
void vmm_net_tx__run (struct vmm_net_pair *pair);
void vmm_net_tx__timer (void *ctx);

/* ---- net-ctrl.c ---- */
void vmm_net_ctrl__run (struct vmm_net *net, unsigned queue);

#endif
