/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-packet: the 44-byte header of a vsock packet (virtio 1.2, 5.10.6), from and to the wire. It knows no connection. */
#ifndef KATA_VMM_VIRTIO_VSOCK_PACKET_H
#define KATA_VMM_VIRTIO_VSOCK_PACKET_H

#include <stdint.h>

#define VMM_VSOCK_HEADER      44u
#define VMM_VSOCK_CID_HOST    2u
#define VMM_VSOCK_PORT_ANY    UINT32_C (0xffffffff)
#define VMM_VSOCK_TYPE_STREAM 1u
/** Payload of one packet, either way; Linux's limit too. */
#define VMM_VSOCK_PAYLOAD_MAX 65536u

enum vmm_vsock_op {
  VMM_VSOCK_OP_REQUEST = 1,
  VMM_VSOCK_OP_RESPONSE = 2,
  VMM_VSOCK_OP_RST = 3,
  VMM_VSOCK_OP_SHUTDOWN = 4,
  VMM_VSOCK_OP_RW = 5,
  VMM_VSOCK_OP_CREDIT_UPDATE = 6,
  VMM_VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of SHUTDOWN: what the sender of the packet will no longer do. */
#define VMM_VSOCK_SHUT_RCV  1u
#define VMM_VSOCK_SHUT_SEND 2u
#define VMM_VSOCK_SHUT_BOTH 3u

struct vmm_vsock_packet {
  uint64_t src_cid, dst_cid;
  uint32_t src_port, dst_port;
  uint32_t len;
  uint16_t type, op;
  uint32_t flags;
  uint32_t buf_alloc, fwd_cnt;
};

void vmm_vsock_packet__decode (struct vmm_vsock_packet *out, const uint8_t wire[VMM_VSOCK_HEADER]);
void vmm_vsock_packet__encode (const struct vmm_vsock_packet *packet, uint8_t wire[VMM_VSOCK_HEADER]);

/** NULL, or why the header that guest @cid sent in a buffer of @payload bytes behind it is no stream packet for the host. */
const char *vmm_vsock_packet__fault (const struct vmm_vsock_packet *packet, uint32_t cid, uint32_t payload);
/** The RST that answers @packet of guest @cid when no connection can. */
struct vmm_vsock_packet vmm_vsock_packet__refusal (const struct vmm_vsock_packet *packet, uint32_t cid);

#endif
