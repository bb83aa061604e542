/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-header: the 12 bytes before each frame (virtio 1.2, 5.1.6), as the guest writes them: copied, checked, cleaned. */
#ifndef KATA_VMM_VIRTIO_NET_HEADER_H
#define KATA_VMM_VIRTIO_NET_HEADER_H

#include <stdint.h>

#define VMM_NET_HEADER 12u
/** Of frames: an Ethernet header; 64 KiB of one IP packet behind an Ethernet header with a VLAN tag. */
#define VMM_NET_FRAME_MIN 14u
#define VMM_NET_FRAME_MAX (18u + 65535u)

/* Feature bits (5.1.3). */
#define VMM_NET_F_CSUM           (UINT64_C (1) << 0)
#define VMM_NET_F_GUEST_CSUM     (UINT64_C (1) << 1)
#define VMM_NET_F_GUEST_OFFLOADS (UINT64_C (1) << 2)
#define VMM_NET_F_MTU            (UINT64_C (1) << 3)
#define VMM_NET_F_MAC            (UINT64_C (1) << 5)
#define VMM_NET_F_GUEST_TSO4     (UINT64_C (1) << 7)
#define VMM_NET_F_GUEST_TSO6     (UINT64_C (1) << 8)
#define VMM_NET_F_GUEST_ECN      (UINT64_C (1) << 9)
#define VMM_NET_F_HOST_TSO4      (UINT64_C (1) << 11)
#define VMM_NET_F_HOST_TSO6      (UINT64_C (1) << 12)
#define VMM_NET_F_HOST_ECN       (UINT64_C (1) << 13)
#define VMM_NET_F_MRG_RXBUF      (UINT64_C (1) << 15)
#define VMM_NET_F_STATUS         (UINT64_C (1) << 16)
#define VMM_NET_F_CTRL_VQ        (UINT64_C (1) << 17)
#define VMM_NET_F_CTRL_RX        (UINT64_C (1) << 18)
#define VMM_NET_F_MQ             (UINT64_C (1) << 22)

#define VMM_NET_FLAG_NEEDS_CSUM 1u
#define VMM_NET_GSO_NONE        0u
#define VMM_NET_GSO_TCPV4       1u
#define VMM_NET_GSO_TCPV6       4u
#define VMM_NET_GSO_ECN         0x80u

/**
 * @wire: the guest's header, already copied out of its memory; @frame: bytes behind it. NULL: it is good, and what a tap would ignore
 * is zero. Otherwise why the frame must be dropped.
 */
const char *vmm_net_header__clean (uint8_t wire[VMM_NET_HEADER], uint64_t features, uint64_t frame);

#endif
