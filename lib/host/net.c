/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: the four dumps, in a thread in the namespace, and what of them is a guest's. */
#include "host/net.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/error.h"
#include "host/netlink.h"
#include "host/netns.h"

#define TRIES 5

const struct kata_net_interface *
kata_net__find (const struct kata_net *net, const char *name)
{
  for (size_t i = 0; i < net->n_interfaces; i++)
    if (strcmp (net->interfaces[i].name, name) == 0)
      return &net->interfaces[i];
  return NULL;
}

void
kata_net__prune (struct kata_net *net)
{
  size_t n = 0;
  for (size_t i = 0; i < net->n_interfaces; i++)
    if (net->interfaces[i].n_addresses != 0)
      net->interfaces[n++] = net->interfaces[i];
  net->n_interfaces = n;
  n = 0;
  for (size_t i = 0; i < net->n_routes; i++)
    if (kata_net__find (net, net->routes[i].device) != NULL)
      net->routes[n++] = net->routes[i];
  net->n_routes = n;
  n = 0;
  for (size_t i = 0; i < net->n_neighbors; i++)
    if (kata_net__find (net, net->neighbors[i].device) != NULL)
      net->neighbors[n++] = net->neighbors[i];
  net->n_neighbors = n;
}

static int
take (void *data, struct nlmsghdr *header)
{
  return kata_net__decode (data, header);
}

/* All four; 0 or -errno. */
static int
list (struct kata_net *net, kata_netlink *netlink)
{
  const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
  const struct ifaddrmsg address = { .ifa_family = AF_UNSPEC };
  const struct rtmsg route = { .rtm_family = AF_UNSPEC };
  const struct ndmsg neighbor = { .ndm_family = AF_UNSPEC };
  const struct {
    int type;
    const void *header;
    size_t len;
  } dumps[] = { { RTM_GETLINK, &link, sizeof link },
                { RTM_GETADDR, &address, sizeof address },
                { RTM_GETROUTE, &route, sizeof route },
                { RTM_GETNEIGH, &neighbor, sizeof neighbor } };
  int r = 0;
  for (size_t i = 0; r == 0 && i < G_N_ELEMENTS (dumps); i++)
    r = kata_netlink__dump (netlink, kata_netlink__message (dumps[i].type, 0, dumps[i].header, dumps[i].len), take,
                            net);
  return r;
}

static int
scan (void *data, kata_error **err)
{
  struct kata_net *net = data;
  g_autoptr (kata_netlink) netlink = NULL;
  int r = kata_netlink__open (&netlink, err);
  if (r != 0)
    return r;
  int rc = -EAGAIN;
  for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
    *net = (struct kata_net){ .arena = net->arena };
    rc = list (net, netlink);
  }
  if (rc == -E2BIG)
    return kata_error__set (err, KATA_E_LIMIT, "network",
                            "network: the namespace has more than %u interfaces, %u addresses of one, %u routes or %u "
                            "permanent neighbours",
                            KATA_NET_INTERFACES_MAX, KATA_NET_ADDRESSES_MAX, KATA_NET_ROUTES_MAX,
                            KATA_NET_NEIGHBORS_MAX);
  if (rc == -EINVAL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "network",
                            "network: an interface of the namespace has a name or address that cannot be handed on");
  if (rc < 0)
    return kata_error__errno (err, KATA_E_IO, "network", -rc, "network: list the namespace");
  kata_net__prune (net);
  return 0;
}

int
kata_net__scan (struct kata_net *out, kata_arena *arena, int netns_fd, kata_error **err)
{
  struct kata_net net = { .arena = arena };
  int r = kata_netns__run (netns_fd, scan, &net, err);
  if (r == 0)
    *out = net;
  return r;
}
