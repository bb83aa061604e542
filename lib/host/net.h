/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: what is in a network namespace, as plain structs: interfaces with their addresses, routes, neighbours. It changes nothing. */
#ifndef KATA_HOST_NET_H
#define KATA_HOST_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kata/error.h>

#include "base/arena.h"

/* More than these are refused: the agent's side has the same limits. */
#define KATA_NET_INTERFACES_MAX 32u
#define KATA_NET_ADDRESSES_MAX  64u /* of one interface */
#define KATA_NET_ROUTES_MAX     1024u
#define KATA_NET_NEIGHBORS_MAX  1024u

struct kata_net_address {
  bool ipv6;
  const char *address;
  uint32_t prefix;
};

struct kata_net_interface {
  uint32_t index;
  const char *name;
  const char *kind; /* "veth", "macvlan", "tun", …; "" = a device without a kind, such as a physical one */
  const char *mac;  /* "02:42:…"; "" = it has no Ethernet address */
  uint32_t mtu;
  uint32_t flags;   /* IFF_… */
  bool ethernet;    /* carries Ethernet frames */
  bool multi_queue; /* a tap that takes several descriptors */
  bool persistent;  /* a tap that nobody need hold */
  struct kata_net_address *addresses;
  size_t n_addresses;
};

struct kata_net_route {
  bool ipv6;
  const char *dest;    /* with prefix length; "" = default */
  const char *gateway; /* "" = none */
  const char *device;
  const char *source; /* preferred source address; "" = none */
  uint32_t scope, flags, mtu;
};

struct kata_net_neighbor {
  bool ipv6;
  const char *address, *device, *mac;
  uint32_t state, flags;
};

/** Strings and arrays live in @arena. */
struct kata_net {
  kata_arena *arena;
  struct kata_net_interface *interfaces;
  size_t n_interfaces;
  struct kata_net_route *routes;
  size_t n_routes;
  struct kata_net_neighbor *neighbors;
  size_t n_neighbors;
  uint32_t
      n_dropped_routes; /* which the agent's protocol cannot say: several next hops, a gateway of the other family */
};

/**
 * Lists the namespace @netns_fd (-1 = the caller's): what a guest needs in order to take the pod's place. That leaves out the loopback, interfaces
 * without an address, routes that the kernel makes by itself, tables other than main, and neighbours that were learned.
 * KATA_E_LIMIT, KATA_E_UNSUPPORTED (a name or address that cannot be handed on), KATA_E_IO, KATA_E_PERMISSION. @out is untouched on failure.
 */
int kata_net__scan (struct kata_net *out, kata_arena *arena, int netns_fd, kata_error **err);

struct nlmsghdr;
/** One message of a dump of links, addresses, routes or neighbours, in that order; pure. 0, -E2BIG, -EINVAL. What is of no use is left out. */
int kata_net__decode (struct kata_net *net, struct nlmsghdr *header);
/** After the dumps: drops interfaces that are not for a guest, and what speaks of them; pure. */
void kata_net__prune (struct kata_net *net);

const struct kata_net_interface *kata_net__find (const struct kata_net *net, const char *name);

#endif
