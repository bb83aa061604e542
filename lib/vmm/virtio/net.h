/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: a network card over a tap (virtio 1.2, 5.1). */
#ifndef KATA_VMM_VIRTIO_NET_H
#define KATA_VMM_VIRTIO_NET_H

#include "vmm/virtio/limiter.h"
#include "vmm/virtio/virtio.h"

#define VMM_NET_PAIRS_MAX 16

struct vmm_net_config {
  int tap_fds
      [VMM_NET_PAIRS_MAX]; /* one per pair; IFF_TAP | IFF_NO_PI | IFF_VNET_HDR (| IFF_MULTI_QUEUE), non-blocking; the device takes dups */
  unsigned pairs; /* 1 to VMM_NET_PAIRS_MAX */
  uint8_t mac[6];
  uint16_t mtu; /* 0 = not said */
  struct vmm_limit rx, tx;
  bool packets; /* tests: the descriptors are packet sockets; header and frame are a packet, no ioctl is made */
};
extern const struct vmm_virtio_ops vmm_virtio_net_ops;

#endif
