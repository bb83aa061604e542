/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-flow: names flows by addresses and ports and remembers their queue; reads frames that were copied out of the guest's memory. */
#include "vmm/virtio/net-flow.h"

#define ETHER_TYPE_AT 12u
#define TYPE_IPV4     0x0800u
#define TYPE_IPV6     0x86ddu
#define TYPE_VLAN     0x8100u
#define TYPE_VLAN_OUT 0x88a8u
#define VLAN_TAG      4u
#define VLAN_TAGS_MAX 2
#define PROTO_TCP     6u
#define PROTO_UDP     17u
#define IPV4_MIN      20u
#define IPV4_PROTO_AT 9u
#define IPV4_ADDR_AT  12u
#define IPV6_LEN      40u
#define IPV6_PROTO_AT 6u
#define IPV6_ADDR_AT  8u
#define FRAGMENT_BITS 0x3fffu /* more to come, or an offset: only the first has ports */

static unsigned
be16 (const uint8_t *at)
{
  return (unsigned) at[0] << 8 | at[1];
}

/* FNV-1a, and a last turn so that the low bits hear of all. */
static uint32_t
mix (uint32_t hash, const uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ bytes[i]) * UINT32_C (16777619);
  return hash ^ hash >> 15;
}

static uint32_t
hash_packet (const uint8_t *addresses, size_t addresses_len, uint8_t proto, const uint8_t *ports)
{
  uint32_t hash = mix (UINT32_C (2166136261), addresses, addresses_len);

  hash = mix (hash, &proto, 1);
  return ports ? mix (hash, ports, 4) : hash;
}

static const uint8_t *
ports_at (const uint8_t *packet, size_t len, size_t at, uint8_t proto)
{
  return (proto == PROTO_TCP || proto == PROTO_UDP) && len >= at + 4 ? packet + at : NULL;
}

static bool
hash_ipv4 (uint32_t *hash, const uint8_t *packet, size_t len)
{
  size_t header = len >= IPV4_MIN ? (packet[0] & 15u) * 4u : 0;

  if (header < IPV4_MIN)
    return false;
  bool fragment = (be16 (packet + 6) & FRAGMENT_BITS) != 0;
  uint8_t proto = packet[IPV4_PROTO_AT];
  *hash = hash_packet (packet + IPV4_ADDR_AT, 8, proto, fragment ? NULL : ports_at (packet, len, header, proto));
  return true;
}

static bool
hash_ipv6 (uint32_t *hash, const uint8_t *packet, size_t len)
{
  if (len < IPV6_LEN)
    return false;
  uint8_t proto = packet[IPV6_PROTO_AT]; /* an extension's number is no port's protocol */
  *hash = hash_packet (packet + IPV6_ADDR_AT, 32, proto, ports_at (packet, len, IPV6_LEN, proto));
  return true;
}

bool
vmm_net_flow__hash (uint32_t *hash, const uint8_t *frame, size_t len)
{
  size_t at = ETHER_TYPE_AT;

  if (len < at + 2)
    return false;
  unsigned type = be16 (frame + at);
  for (int tags = 0; (type == TYPE_VLAN || type == TYPE_VLAN_OUT) && tags < VLAN_TAGS_MAX; tags++) {
    at += VLAN_TAG;
    if (len < at + 2)
      return false;
    type = be16 (frame + at);
  }
  at += 2;
  if (type == TYPE_IPV4)
    return hash_ipv4 (hash, frame + at, len - at);
  return type == TYPE_IPV6 && hash_ipv6 (hash, frame + at, len - at);
}

unsigned
vmm_net_flow__pair (struct vmm_net_flows *flows, uint32_t hash, unsigned from, unsigned n_pairs, int64_t now_ns)
{
  struct vmm_net_flow *flow = &flows->place[hash % VMM_NET_FLOWS];

  if (flow->last == 0 || flow->pair >= n_pairs || now_ns - flow->last >= VMM_NET_FLOW_IDLE_NS)
    flow->pair = from;
  flow->last = now_ns;
  return flow->pair;
}
