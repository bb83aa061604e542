/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-packet: decodes, checks and encodes vsock headers; the caller has copied them out of guest memory. */
#include "vmm/virtio/vsock-packet.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

/* Whole words: a header is made or read for each page that is carried. */
static uint64_t
get (const uint8_t *at, unsigned len)
{
  uint64_t value = 0;
  memcpy (&value, at, len);
  return le64toh (value);
}

static void
put (uint8_t *at, unsigned len, uint64_t value)
{
  uint64_t wire = htole64 (value);
  memcpy (at, &wire, len);
}

void
vmm_vsock_packet__decode (struct vmm_vsock_packet *out, const uint8_t wire[VMM_VSOCK_HEADER])
{
  out->src_cid = get (wire, 8);
  out->dst_cid = get (wire + 8, 8);
  out->src_port = (uint32_t) get (wire + 16, 4);
  out->dst_port = (uint32_t) get (wire + 20, 4);
  out->len = (uint32_t) get (wire + 24, 4);
  out->type = (uint16_t) get (wire + 28, 2);
  out->op = (uint16_t) get (wire + 30, 2);
  out->flags = (uint32_t) get (wire + 32, 4);
  out->buf_alloc = (uint32_t) get (wire + 36, 4);
  out->fwd_cnt = (uint32_t) get (wire + 40, 4);
}

void
vmm_vsock_packet__encode (const struct vmm_vsock_packet *packet, uint8_t wire[VMM_VSOCK_HEADER])
{
  put (wire, 8, packet->src_cid);
  put (wire + 8, 8, packet->dst_cid);
  put (wire + 16, 4, packet->src_port);
  put (wire + 20, 4, packet->dst_port);
  put (wire + 24, 4, packet->len);
  put (wire + 28, 2, packet->type);
  put (wire + 30, 2, packet->op);
  put (wire + 32, 4, packet->flags);
  put (wire + 36, 4, packet->buf_alloc);
  put (wire + 40, 4, packet->fwd_cnt);
}

const char *
vmm_vsock_packet__fault (const struct vmm_vsock_packet *packet, uint32_t cid, uint32_t payload)
{
  if (packet->src_cid != cid)
    return "a packet bears a source that is not the guest";
  if (packet->dst_cid != VMM_VSOCK_CID_HOST)
    return "a packet is not for the host";
  if (packet->type != VMM_VSOCK_TYPE_STREAM)
    return "a packet is not of a stream";
  if (packet->op < VMM_VSOCK_OP_REQUEST || packet->op > VMM_VSOCK_OP_CREDIT_REQUEST)
    return "a packet has an unknown operation";
  if (packet->len > payload || packet->len > VMM_VSOCK_PAYLOAD_MAX)
    return "a packet says it is longer than it is, or than 64 KiB";
  if (packet->len > 0 && packet->op != VMM_VSOCK_OP_RW)
    return "a packet without data bears some";
  return NULL;
}

struct vmm_vsock_packet
vmm_vsock_packet__refusal (const struct vmm_vsock_packet *packet, uint32_t cid)
{
  /* From whom it was meant for; but never to another address than the guest's own. */
  return (struct vmm_vsock_packet){
    .src_cid = packet->dst_cid,
    .dst_cid = cid,
    .src_port = packet->dst_port,
    .dst_port = packet->src_port,
    .type = packet->type,
    .op = VMM_VSOCK_OP_RST,
  };
}
