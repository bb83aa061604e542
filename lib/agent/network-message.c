/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network-message: field by field. */
#include "agent/network-message.h"

#include <net/if.h>

#include "proto/types.pb-c.h"

static Types__IPFamily
family (bool ipv6)
{
  return ipv6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
}

static Types__IPAddress *
address_message (kata_arena *arena, bool ipv6, const char *address, const char *mask)
{
  Types__IPAddress *out = kata_arena__new0 (arena, Types__IPAddress, 1);
  types__ipaddress__init (out);
  out->has_family = 1;
  out->family = family (ipv6);
  out->address = (char *) address;
  out->mask = (char *) mask;
  return out;
}

Types__Interface *
kata_network_message__interface (kata_arena *arena, const struct kata_net_interface *interface)
{
  Types__Interface *out = kata_arena__new0 (arena, Types__Interface, 1);
  types__interface__init (out);
  out->device = out->name = (char *) interface->name;
  out->hwaddr = (char *) interface->mac;
  out->type = (char *) interface->kind;
  out->has_mtu = 1;
  out->mtu = interface->mtu;
  out->has_raw_flags = 1;
  out->raw_flags = interface->flags & IFF_NOARP;
  out->ipaddresses = kata_arena__new0 (arena, Types__IPAddress *, interface->n_addresses + 1);
  out->n_ipaddresses = interface->n_addresses;
  for (size_t i = 0; i < interface->n_addresses; i++) {
    const struct kata_net_address *address = &interface->addresses[i];
    out->ipaddresses[i] =
        address_message (arena, address->ipv6, address->address, kata_arena__printf (arena, "%u", address->prefix));
  }
  return out;
}

Types__Interface *
kata_network_message__retired (kata_arena *arena, const kata_vm_nic *nic)
{
  Types__Interface *out = kata_arena__new0 (arena, Types__Interface, 1);
  types__interface__init (out);
  out->device = out->name = (char *) nic->name;
  out->hwaddr = (char *) nic->mac;
  out->type = (char *) KATA_INTERFACE_RETIRED;
  return out;
}

Grpc__Routes *
kata_network_message__routes (kata_arena *arena, const struct kata_net *net)
{
  Grpc__Routes *out = kata_arena__new0 (arena, Grpc__Routes, 1);
  grpc__routes__init (out);
  out->routes = kata_arena__new0 (arena, Types__Route *, net->n_routes + 1);
  out->n_routes = net->n_routes;
  for (size_t i = 0; i < net->n_routes; i++) {
    const struct kata_net_route *from = &net->routes[i];
    Types__Route *route = out->routes[i] = kata_arena__new0 (arena, Types__Route, 1);
    types__route__init (route);
    route->dest = (char *) from->dest;
    route->gateway = (char *) from->gateway;
    route->device = (char *) from->device;
    route->source = (char *) from->source;
    route->has_scope = route->has_family = route->has_flags = route->has_mtu = 1;
    route->scope = from->scope;
    route->family = family (from->ipv6);
    route->flags = from->flags;
    route->mtu = from->mtu;
  }
  return out;
}

Grpc__ARPNeighbors *
kata_network_message__neighbors (kata_arena *arena, const struct kata_net *net)
{
  Grpc__ARPNeighbors *out = kata_arena__new0 (arena, Grpc__ARPNeighbors, 1);
  grpc__arpneighbors__init (out);
  out->arpneighbors = kata_arena__new0 (arena, Types__ARPNeighbor *, net->n_neighbors + 1);
  out->n_arpneighbors = net->n_neighbors;
  for (size_t i = 0; i < net->n_neighbors; i++) {
    const struct kata_net_neighbor *from = &net->neighbors[i];
    Types__ARPNeighbor *neighbor = out->arpneighbors[i] = kata_arena__new0 (arena, Types__ARPNeighbor, 1);
    types__arpneighbor__init (neighbor);
    neighbor->toipaddress = address_message (arena, from->ipv6, from->address, "");
    neighbor->device = (char *) from->device;
    neighbor->lladdr = (char *) from->mac;
    neighbor->has_state = neighbor->has_flags = 1;
    neighbor->state = (int32_t) from->state;
    neighbor->flags = (int32_t) from->flags;
  }
  return out;
}
