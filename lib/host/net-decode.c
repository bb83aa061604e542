/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-decode: rtnetlink's messages to plain structs, with limits; pure, it opens no socket. */
#include "host/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include <glib.h>

#define MAC_LEN 6

/* Room for one element more; the old array stays in the arena, which is small. */
static void *
grow (kata_arena *arena, void *items, size_t n, size_t size)
{
  if (n != 0 && (n & (n - 1)) != 0)
    return items;
  void *more = kata_arena__alloc_array (arena, n == 0 ? 1 : 2 * n, size);
  if (n != 0)
    memcpy (more, items, n * size);
  return more;
}

static bool
family_ok (unsigned family)
{
  return family == AF_INET || family == AF_INET6;
}

/* An address of @family, or NULL. */
static const char *
ip_text (struct kata_net *net, unsigned family, const struct nlattr *attr)
{
  char text[INET6_ADDRSTRLEN];
  int size = family == AF_INET6 ? 16 : 4;
  if (attr == NULL || nla_len (attr) != size || inet_ntop ((int) family, nla_data (attr), text, sizeof text) == NULL)
    return NULL;
  return kata_arena__strdup (net->arena, text);
}

static const char *
mac_text (struct kata_net *net, const struct nlattr *attr)
{
  if (attr == NULL || nla_len (attr) != MAC_LEN)
    return "";
  const uint8_t *b = nla_data (attr);
  return kata_arena__printf (net->arena, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static uint32_t
u32_of (const struct nlattr *attr)
{
  return attr != NULL && nla_len (attr) >= (int) sizeof (uint32_t) ? nla_get_u32 (attr) : 0;
}

/* A text attribute whose end is within it; NULL otherwise. */
static const char *
text_of (const struct nlattr *attr, size_t max)
{
  size_t len = attr != NULL ? strnlen (nla_data (attr), (size_t) nla_len (attr)) : 0;
  return len > 0 && len < (size_t) nla_len (attr) && len <= max ? nla_data (attr) : NULL;
}

/* It becomes part of JSON, of the agent's messages and of errors. */
static bool
name_ok (const char *name)
{
  for (const char *p = name; *p != '\0'; p++)
    if (*p <= ' ' || *p >= 0x7f || *p == '/' || *p == '"' || *p == '\\')
      return false;
  return true;
}

static struct kata_net_interface *
by_index (struct kata_net *net, uint32_t index)
{
  for (size_t i = 0; i < net->n_interfaces; i++)
    if (net->interfaces[i].index == index)
      return &net->interfaces[i];
  return NULL;
}

static void
decode_kind (struct kata_net *net, struct kata_net_interface *interface, struct nlattr *info)
{
  struct nlattr *tb[IFLA_INFO_MAX + 1], *tun[IFLA_TUN_MAX + 1];
  if (info == NULL || nla_parse_nested (tb, IFLA_INFO_MAX, info, NULL) != 0)
    return;
  const char *kind = text_of (tb[IFLA_INFO_KIND], 32);
  if (kind == NULL || !name_ok (kind))
    return;
  interface->kind = kata_arena__strdup (net->arena, kind);
  if (strcmp (kind, "tun") != 0 || tb[IFLA_INFO_DATA] == NULL ||
      nla_parse_nested (tun, IFLA_TUN_MAX, tb[IFLA_INFO_DATA], NULL) != 0)
    return;
  const struct nlattr *type = tun[IFLA_TUN_TYPE], *many = tun[IFLA_TUN_MULTI_QUEUE], *stays = tun[IFLA_TUN_PERSIST];
  interface->ethernet = type != NULL && nla_len (type) >= 1 && nla_get_u8 (type) == IFF_TAP;
  interface->multi_queue = many != NULL && nla_len (many) >= 1 && nla_get_u8 (many) != 0;
  interface->persistent = stays != NULL && nla_len (stays) >= 1 && nla_get_u8 (stays) != 0;
}

static int
decode_link (struct kata_net *net, struct nlmsghdr *header)
{
  struct nlattr *tb[IFLA_MAX + 1];
  const struct ifinfomsg *info = nlmsg_data (header);
  if (nlmsg_parse (header, sizeof *info, tb, IFLA_MAX, NULL) != 0)
    return -EINVAL;
  if ((info->ifi_flags & IFF_LOOPBACK) != 0)
    return 0;
  const char *name = text_of (tb[IFLA_IFNAME], IFNAMSIZ - 1);
  if (name == NULL || !name_ok (name) || info->ifi_index <= 0)
    return -EINVAL;
  if (net->n_interfaces >= KATA_NET_INTERFACES_MAX)
    return -E2BIG;
  net->interfaces = grow (net->arena, net->interfaces, net->n_interfaces, sizeof *net->interfaces);
  struct kata_net_interface *interface = &net->interfaces[net->n_interfaces++];
  *interface = (struct kata_net_interface){
    .index = (uint32_t) info->ifi_index,
    .name = kata_arena__strdup (net->arena, name),
    .kind = "",
    .mac = mac_text (net, tb[IFLA_ADDRESS]),
    .mtu = u32_of (tb[IFLA_MTU]),
    .flags = info->ifi_flags,
    .ethernet = info->ifi_type == ARPHRD_ETHER,
  };
  decode_kind (net, interface, tb[IFLA_LINKINFO]);
  return 0;
}

static int
add_route (struct kata_net *net, const struct kata_net_route *route)
{
  if (net->n_routes >= KATA_NET_ROUTES_MAX)
    return -E2BIG;
  net->routes = grow (net->arena, net->routes, net->n_routes, sizeof *net->routes);
  net->routes[net->n_routes++] = *route;
  return 0;
}

/*
 * A point-to-point address has the peer's prefix; the agent's protocol knows none. So the address gets a full prefix, and the route to the peer,
 * which the kernel made by itself, is said.
 */
static int
add_peer (struct kata_net *net, const struct kata_net_interface *interface, struct kata_net_address *address,
          const char *peer)
{
  struct kata_net_route route = { .ipv6 = address->ipv6,
                                  .gateway = "",
                                  .device = interface->name,
                                  .source = address->address,
                                  .scope = address->ipv6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK };
  route.dest = kata_arena__printf (net->arena, "%s/%u", peer, address->prefix);
  address->prefix = address->ipv6 ? 128 : 32;
  return add_route (net, &route);
}

static int
decode_address (struct kata_net *net, struct nlmsghdr *header)
{
  struct nlattr *tb[IFA_MAX + 1];
  const struct ifaddrmsg *info = nlmsg_data (header);
  if (nlmsg_parse (header, sizeof *info, tb, IFA_MAX, NULL) != 0)
    return -EINVAL;
  struct kata_net_interface *interface = by_index (net, info->ifa_index);
  if (interface == NULL || !family_ok (info->ifa_family))
    return 0;
  const char *remote = ip_text (net, info->ifa_family, tb[IFA_ADDRESS]);
  const char *local = ip_text (net, info->ifa_family, tb[IFA_LOCAL]);
  struct kata_net_address address = { .ipv6 = info->ifa_family == AF_INET6,
                                      .address = local != NULL ? local : remote,
                                      .prefix = info->ifa_prefixlen };
  if (address.address == NULL || address.prefix > (address.ipv6 ? 128u : 32u))
    return -EINVAL;
  if (interface->n_addresses >= KATA_NET_ADDRESSES_MAX)
    return -E2BIG;
  int r = 0;
  if (local != NULL && remote != NULL && strcmp (local, remote) != 0)
    r = add_peer (net, interface, &address, remote);
  interface->addresses = grow (net->arena, interface->addresses, interface->n_addresses, sizeof *interface->addresses);
  interface->addresses[interface->n_addresses++] = address;
  return r;
}

static uint32_t
route_mtu (struct nlattr *metrics)
{
  struct nlattr *tb[RTAX_MAX + 1];
  if (metrics == NULL || nla_parse_nested (tb, RTAX_MAX, metrics, NULL) != 0)
    return 0;
  return u32_of (tb[RTAX_MTU]);
}

static bool
route_wanted (const struct rtmsg *info, const struct nlattr *table)
{
  uint32_t number = table != NULL ? u32_of (table) : info->rtm_table;
  return family_ok (info->rtm_family) && number == RT_TABLE_MAIN && info->rtm_type == RTN_UNICAST &&
         info->rtm_protocol != RTPROT_KERNEL && (info->rtm_flags & RTM_F_CLONED) == 0;
}

static int
decode_route (struct kata_net *net, struct nlmsghdr *header)
{
  struct nlattr *tb[RTA_MAX + 1];
  const struct rtmsg *info = nlmsg_data (header);
  if (nlmsg_parse (header, sizeof *info, tb, RTA_MAX, NULL) != 0)
    return -EINVAL;
  if (!route_wanted (info, tb[RTA_TABLE]))
    return 0;
  if (tb[RTA_MULTIPATH] != NULL || tb[RTA_VIA] != NULL) {
    net->n_dropped_routes++;
    return 0;
  }
  const struct kata_net_interface *interface = by_index (net, u32_of (tb[RTA_OIF]));
  if (interface == NULL)
    return 0;
  const char *dest = ip_text (net, info->rtm_family, tb[RTA_DST]);
  const char *gateway = ip_text (net, info->rtm_family, tb[RTA_GATEWAY]);
  const char *source = ip_text (net, info->rtm_family, tb[RTA_PREFSRC]);
  if ((tb[RTA_DST] != NULL && dest == NULL) || (tb[RTA_GATEWAY] != NULL && gateway == NULL) ||
      info->rtm_dst_len > (info->rtm_family == AF_INET6 ? 128 : 32))
    return -EINVAL;
  struct kata_net_route route = {
    .ipv6 = info->rtm_family == AF_INET6,
    .dest = dest != NULL ? kata_arena__printf (net->arena, "%s/%u", dest, info->rtm_dst_len) : "",
    .gateway = gateway != NULL ? gateway : "",
    .device = interface->name,
    .source = source != NULL ? source : "",
    .scope = info->rtm_scope,
    .flags = info->rtm_flags & RTNH_F_ONLINK,
    .mtu = route_mtu (tb[RTA_METRICS]),
  };
  return add_route (net, &route);
}

static int
decode_neighbor (struct kata_net *net, struct nlmsghdr *header)
{
  struct nlattr *tb[NDA_MAX + 1];
  const struct ndmsg *info = nlmsg_data (header);
  if (nlmsg_parse (header, sizeof *info, tb, NDA_MAX, NULL) != 0)
    return -EINVAL;
  const struct kata_net_interface *interface = by_index (net, (uint32_t) info->ndm_ifindex);
  const char *mac = mac_text (net, tb[NDA_LLADDR]);
  if (interface == NULL || !family_ok (info->ndm_family) || (info->ndm_state & NUD_PERMANENT) == 0 ||
      (info->ndm_flags & NTF_PROXY) != 0 || mac[0] == '\0')
    return 0;
  const char *address = ip_text (net, info->ndm_family, tb[NDA_DST]);
  if (address == NULL)
    return -EINVAL;
  if (net->n_neighbors >= KATA_NET_NEIGHBORS_MAX)
    return -E2BIG;
  net->neighbors = grow (net->arena, net->neighbors, net->n_neighbors, sizeof *net->neighbors);
  net->neighbors[net->n_neighbors++] = (struct kata_net_neighbor){ .ipv6 = info->ndm_family == AF_INET6,
                                                                   .address = address,
                                                                   .device = interface->name,
                                                                   .mac = mac,
                                                                   .state = NUD_PERMANENT };
  return 0;
}

int
kata_net__decode (struct kata_net *net, struct nlmsghdr *header)
{
  switch (header->nlmsg_type) {
  case RTM_NEWLINK:
    return decode_link (net, header);
  case RTM_NEWADDR:
    return decode_address (net, header);
  case RTM_NEWROUTE:
    return decode_route (net, header);
  case RTM_NEWNEIGH:
    return decode_neighbor (net, header);
  default:
    return 0;
  }
}
