/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-flow: which of a tap's queues a flow's frames go to; pure. */
#ifndef KATA_VMM_VIRTIO_NET_FLOW_H
#define KATA_VMM_VIRTIO_NET_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Linux delivers a flow to the queue of the tap that its last answer was written to. Guests send answers from whichever processor they are made
 * on, so two neighbouring answers may come through different pairs; then frames of one flow lie in both queues of the tap, and the guest gets
 * them in another order than they were sent. Here a flow stays with one queue of the tap as long as it is busy.
 */
#define VMM_NET_FLOWS 256u
/* As long as Linux's tun remembers a flow itself. A tenth of a second is too short where a guest gets little of a busy processor. */
#define VMM_NET_FLOW_IDLE_NS INT64_C (3000000000)
/** What vmm_net_flow__hash() looks at, at most: Ethernet with two VLAN tags, IPv4 with all its options, the ports. */
#define VMM_NET_FLOW_HEADERS (22u + 60u + 4u)

/** Flows that share a place share a queue; all zero is empty. */
struct vmm_net_flows {
  struct vmm_net_flow {
    int64_t last; /* when a frame last went; 0 = never */
    uint32_t pair;
  } place[VMM_NET_FLOWS];
};

/** False: no IP, so no flow. Frames of one direction of one connection have one hash; a packet in fragments counts by its addresses. */
bool vmm_net_flow__hash (uint32_t *hash, const uint8_t *frame, size_t len);
/** The pair whose queue of the tap takes a frame that came from pair @from at @now_ns; below @n_pairs as @from is. */
unsigned
vmm_net_flow__pair (struct vmm_net_flows *flows, uint32_t hash, unsigned from, unsigned n_pairs, int64_t now_ns);

#endif
