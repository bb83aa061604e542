/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network-route: the main routing table and the neighbour table. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "ip.h"
#include "link.h"
#include "mem.h"
#include "netlink.h"
#include "network.h"

#define ROUTES_MAX 1024
/* Marks what comes from the host: a container's own routes ("boot") and the kernel's are left alone. */
#define PROTOCOL RTPROT_STATIC

static int
parse_optional (struct ip *out, const char *text, const char *what, struct fault *fault)
{
  memset (out, 0, sizeof *out);
  if (*text && ip_parse (out, text) < 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "route: %s \"%.80s\" is not an address", what, text);
  return 0;
}

static int
add_route (const Types__Route *route, struct fault *fault)
{
  struct netlink_message message;
  struct ip dest, gateway, source;
  const char *to = text_of (route->dest);
  if (text_is (to, "default"))
    to = "";
  if (parse_optional (&dest, to, "dest", fault) < 0 ||
      parse_optional (&gateway, text_of (route->gateway), "gateway", fault) < 0 ||
      parse_optional (&source, text_of (route->source), "source", fault) < 0)
    return -1;
  uint8_t family = dest.family                            ? dest.family
                   : gateway.family                       ? gateway.family
                   : route->family == TYPES__IPFAMILY__v6 ? AF_INET6
                                                          : AF_INET;
  if ((gateway.family && gateway.family != family) || (source.family && source.family != family))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "route to \"%.80s\": addresses of different families", to);
  if (family == AF_INET6 && ip_v6_is_off ())
    return 0;
  unsigned index = text_of (route->device)[0] ? if_nametoindex (route->device) : 0;
  if (text_of (route->device)[0] && index == 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "route to \"%.80s\": no device \"%.40s\"", to, route->device);
  struct rtmsg body = { .rtm_family = family,
                        .rtm_dst_len = dest.prefix,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = PROTOCOL,
                        .rtm_scope = (uint8_t) route->scope,
                        .rtm_type = RTN_UNICAST,
                        .rtm_flags = route->flags & RTNH_F_ONLINK };
  netlink_begin (&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
  if (dest.family)
    netlink_put (&message, RTA_DST, dest.bytes, ip_size (&dest));
  if (gateway.family)
    netlink_put (&message, RTA_GATEWAY, gateway.bytes, ip_size (&gateway));
  if (source.family)
    netlink_put (&message, RTA_PREFSRC, source.bytes, ip_size (&source));
  if (index)
    netlink_put_u32 (&message, RTA_OIF, index);
  if (route->mtu) {
    size_t nest = netlink_nest (&message, RTA_METRICS);
    netlink_put_u32 (&message, RTAX_MTU, route->mtu);
    netlink_nest_end (&message, nest);
  }
  int result = netlink_request (&message);
  if (result == 0 || result == -EEXIST)
    return 0;
  errno = -result;
  return fault_errno (fault, "cannot add the route to \"%.80s\" by \"%.80s\"", to, text_of (route->gateway));
}

/* ---- routes that went ---- */

struct old_route {
  struct rtmsg info;
  struct ip dest, gateway;
  uint32_t index;
};

struct old_routes {
  const Grpc__Routes *wanted;
  size_t n;
  struct old_route routes[ROUTES_MAX];
};

static int
same_ip (const struct ip *a, const char *text)
{
  struct ip b = { 0 };
  if (!*text || text_is (text, "default"))
    return a->family == 0;
  return ip_parse (&b, text) == 0 && a->family == b.family && a->prefix == b.prefix &&
         memcmp (a->bytes, b.bytes, ip_size (a)) == 0;
}

static int
is_wanted (const Grpc__Routes *routes, const struct old_route *old)
{
  char name[IFNAMSIZ] = "";
  if_indextoname (old->index, name);
  for (size_t i = 0; routes && i < routes->n_routes; i++) {
    const Types__Route *route = routes->routes[i];
    const char *device = text_of (route->device);
    if (same_ip (&old->dest, text_of (route->dest)) && same_ip (&old->gateway, text_of (route->gateway)) &&
        (!*device || text_is (device, name)))
      return 1;
  }
  return 0;
}

static void
copy_ip (struct ip *out, uint8_t family, uint8_t prefix, const struct rtattr *attribute)
{
  size_t size = family == AF_INET6 ? 16 : 4;
  const void *bytes = netlink_data (attribute, size);
  if (!bytes)
    return;
  out->family = family;
  out->prefix = prefix;
  memcpy (out->bytes, bytes, size);
}

static int
take_old (void *user, const void *body, size_t len)
{
  struct old_routes *old = user;
  const struct rtattr *attributes[NETLINK_ATTRS_MAX];
  const struct rtmsg *info = body;
  if (len < sizeof *info || old->n == ROUTES_MAX)
    return len >= sizeof *info;
  if (info->rtm_table != RT_TABLE_MAIN || info->rtm_protocol != PROTOCOL ||
      (info->rtm_family != AF_INET && info->rtm_family != AF_INET6))
    return 0;
  struct old_route *route = &old->routes[old->n];
  *route = (struct old_route){ .info = *info };
  netlink_attributes (attributes, body, len, sizeof *info);
  copy_ip (&route->dest, info->rtm_family, info->rtm_dst_len, attributes[RTA_DST]);
  copy_ip (&route->gateway, info->rtm_family, info->rtm_family == AF_INET6 ? 128 : 32, attributes[RTA_GATEWAY]);
  route->index = netlink_u32 (attributes[RTA_OIF], 0);
  old->n += !is_wanted (old->wanted, route);
  return 0;
}

/* Failures are of no consequence: the next call tries again. */
static void
drop_old (const Grpc__Routes *wanted)
{
  struct netlink_message message;
  struct rtmsg all = { .rtm_family = AF_UNSPEC };
  struct old_routes *old = mem_zero (sizeof *old);
  old->wanted = wanted;
  netlink_begin (&message, RTM_GETROUTE, 0, &all, sizeof all);
  netlink_dump (&message, RTM_NEWROUTE, take_old, old);
  for (size_t i = 0; i < old->n; i++) {
    const struct old_route *route = &old->routes[i];
    struct rtmsg body = { .rtm_family = route->info.rtm_family,
                          .rtm_dst_len = route->info.rtm_dst_len,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = PROTOCOL,
                          .rtm_scope = route->info.rtm_scope };
    netlink_begin (&message, RTM_DELROUTE, 0, &body, sizeof body);
    if (route->dest.family)
      netlink_put (&message, RTA_DST, route->dest.bytes, ip_size (&route->dest));
    if (route->gateway.family)
      netlink_put (&message, RTA_GATEWAY, route->gateway.bytes, ip_size (&route->gateway));
    if (route->index)
      netlink_put_u32 (&message, RTA_OIF, route->index);
    netlink_request (&message);
  }
  free (old);
}

int
network_update_routes (const Grpc__Routes *routes, struct fault *fault)
{
  if (!routes)
    return 0;
  if (routes->n_routes > ROUTES_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "more than %d routes", ROUTES_MAX);
  /* A gateway must be reachable before the kernel takes a route through it. */
  for (int with_gateway = 0; with_gateway < 2; with_gateway++)
    for (size_t i = 0; i < routes->n_routes; i++)
      if (!!text_of (routes->routes[i]->gateway)[0] == with_gateway && add_route (routes->routes[i], fault) < 0)
        return -1;
  drop_old (routes);
  return 0;
}

static int
take_route (void *user, const void *body, size_t len)
{
  Grpc__Routes *out = user;
  const struct rtattr *attributes[NETLINK_ATTRS_MAX];
  const struct rtmsg *info = body;
  char text[64], name[IFNAMSIZ] = "";
  if (len < sizeof *info || out->n_routes == ROUTES_MAX)
    return len >= sizeof *info;
  if (info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST ||
      (info->rtm_family != AF_INET && info->rtm_family != AF_INET6))
    return 0;
  netlink_attributes (attributes, body, len, sizeof *info);
  size_t size = info->rtm_family == AF_INET6 ? 16 : 4;
  const void *dest = netlink_data (attributes[RTA_DST], size);
  const void *gateway = netlink_data (attributes[RTA_GATEWAY], size);
  const void *source = netlink_data (attributes[RTA_PREFSRC], size);
  Types__Route *route = mem_zero (sizeof *route);
  types__route__init (route);
  if (dest)
    ip_print (text, sizeof text, info->rtm_family, dest, info->rtm_dst_len);
  route->dest = mem_text (dest ? text : "");
  if (gateway)
    ip_print (text, sizeof text, info->rtm_family, gateway, -1);
  route->gateway = mem_text (gateway ? text : "");
  if (source)
    ip_print (text, sizeof text, info->rtm_family, source, -1);
  route->source = mem_text (source ? text : "");
  if_indextoname (netlink_u32 (attributes[RTA_OIF], 0), name);
  route->device = mem_text (name);
  route->has_scope = 1;
  route->scope = info->rtm_scope;
  route->has_family = 1;
  route->family = info->rtm_family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
  out->routes[out->n_routes++] = route;
  return 0;
}

int
network_list_routes (Grpc__Routes *out, struct fault *fault)
{
  struct netlink_message message;
  struct rtmsg body = { .rtm_family = AF_UNSPEC };
  out->routes = mem_zero (ROUTES_MAX * sizeof *out->routes);
  netlink_begin (&message, RTM_GETROUTE, 0, &body, sizeof body);
  int result = netlink_dump (&message, RTM_NEWROUTE, take_route, out);
  if (result == 0)
    return 0;
  errno = -result;
  return fault_errno (fault, "cannot list routes");
}

static int
add_neighbor (const Types__ARPNeighbor *neighbor, struct fault *fault)
{
  struct netlink_message message;
  struct ip ip;
  uint8_t mac[6];
  const char *address = neighbor->toipaddress ? text_of (neighbor->toipaddress->address) : "";
  if (ip_parse (&ip, address) < 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "neighbour: \"%.80s\" is not an address", address);
  unsigned index = if_nametoindex (text_of (neighbor->device));
  if (index == 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "neighbour %s: no device \"%.40s\"", address,
                      text_of (neighbor->device));
  if (text_of (neighbor->lladdr)[0] && link_parse_mac (neighbor->lladdr, mac) < 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "neighbour %s: \"%.40s\" is not a hardware address", address,
                      neighbor->lladdr);
  struct ndmsg body = { .ndm_family = ip.family,
                        .ndm_ifindex = (int) index,
                        .ndm_state = (uint16_t) (neighbor->state ? neighbor->state : NUD_PERMANENT),
                        .ndm_flags = (uint8_t) neighbor->flags };
  netlink_begin (&message, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
  netlink_put (&message, NDA_DST, ip.bytes, ip_size (&ip));
  if (text_of (neighbor->lladdr)[0])
    netlink_put (&message, NDA_LLADDR, mac, sizeof mac);
  int result = netlink_request (&message);
  if (result == 0)
    return 0;
  errno = -result;
  return fault_errno (fault, "cannot add the neighbour %s", address);
}

int
network_add_neighbors (const Grpc__ARPNeighbors *neighbors, struct fault *fault)
{
  if (neighbors && neighbors->n_arpneighbors > ROUTES_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "more than %d neighbours", ROUTES_MAX);
  for (size_t i = 0; neighbors && i < neighbors->n_arpneighbors; i++)
    if (add_neighbor (neighbors->arpneighbors[i], fault) < 0)
      return -1;
  return 0;
}
