/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netjoin: the steps of each way, and their undoing. */
#include "host/netjoin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/netns.h"
#include "host/tc.h"

/* IFF_LOWER_UP, which <net/if.h> lacks: there is a carrier. */
#define LOWER_UP 0x10000u

static int
join_error (kata_error **err, const char *name, int result, const char *what)
{
  int code = result == -EPERM || result == -EACCES    ? KATA_E_PERMISSION
             : result == -EEXIST || result == -EBUSY  ? KATA_E_BUSY
             : result == -ENOENT || result == -ENODEV ? KATA_E_NOT_FOUND
             : result == -EOPNOTSUPP                  ? KATA_E_HOST
                                                      : KATA_E_IO;
  return kata_error__errno (err, code, name, -result, "interface \"%s\": %s", name, what);
}

/* ---- prepare ---- */

static int
check_free (void *data, kata_error **err)
{
  struct kata_netjoin *join = data;
  const char *name = join->interface->name;
  g_autoptr (kata_netlink) netlink = NULL;
  int r = kata_netlink__open (&netlink, err);
  if (r != 0)
    return r;
  r = kata_tc__has_ingress (netlink, join->interface->index);
  if (r < 0)
    return join_error (err, name, r, "look at its traffic control");
  if (r == 1)
    return kata_error__set (
        err, KATA_E_BUSY, name,
        "interface \"%s\": it has an ingress qdisc already; another virtual machine uses it, or one "
        "was not cleaned up (tc qdisc del dev %s ingress)",
        name, name);
  return 0;
}

/* A tap's own address is the host's side: the guest's must be another. */
static void
choose_mac (struct kata_netjoin *join)
{
  g_strlcpy (join->mac, join->interface->mac, sizeof join->mac);
  if (join->way != KATA_NETJOIN_ATTACH)
    return;
  unsigned b[6];
  if (sscanf (join->mac, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) == 6)
    snprintf (join->mac, sizeof join->mac, "%02x:%02x:%02x:%02x:%02x:%02x", b[0] & 0xffu, b[1] & 0xffu, b[2] & 0xffu,
              b[3] & 0xffu, b[4] & 0xffu, (b[5] ^ 1u) & 0xffu);
}

int
kata_netjoin__prepare (struct kata_netjoin *join, kata_error **err)
{
  const struct kata_net_interface *interface = join->interface;
  /* One that is held has a program for its wire, such as slirp4netns: the guest takes the place of the kernel's side then, as with any interface. */
  bool loose = strcmp (interface->kind, "tun") == 0 && (interface->flags & LOWER_UP) == 0;
  if (!interface->ethernet || interface->mac[0] == '\0')
    return kata_error__set (err, KATA_E_UNSUPPORTED, interface->name,
                            "interface \"%s\" (%s): it carries no Ethernet frames, so a guest cannot take its place",
                            interface->name, interface->kind[0] != '\0' ? interface->kind : "of no kind");
  for (size_t i = 0; i < G_N_ELEMENTS (join->fds); i++)
    join->fds[i] = -1;
  join->queues = CLAMP (join->queues, 1, KATA_TAP_QUEUES_MAX);
  if (loose) {
    join->way = KATA_NETJOIN_ATTACH;
    join->queues = interface->multi_queue ? join->queues : 1;
  }
  choose_mac (join);
  if (join->way != KATA_NETJOIN_TCFILTER && (join->rx_bytes != 0 || join->tx_bytes != 0))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "rx_rate_limiter_max_rate",
                            "interface \"%s\": rx_rate_limiter_max_rate and tx_rate_limiter_max_rate need "
                            "runtime.internetworking_model = \"tcfilter\" and an interface that is no free tap",
                            interface->name);
  if (join->way == KATA_NETJOIN_ATTACH) {
    g_strlcpy (join->device, interface->name, sizeof join->device);
    return 0;
  }
  if (join->way == KATA_NETJOIN_MACVTAP) {
    /* The kernel would put it on the device below, beside the interface instead of on it. */
    if (g_str_has_prefix (interface->kind, "macv") || g_str_has_prefix (interface->kind, "ipv"))
      return kata_error__set (err, KATA_E_UNSUPPORTED, "runtime.internetworking_model",
                              "runtime.internetworking_model: a macvtap cannot be put on interface \"%s\", a %s; use "
                              "tcfilter",
                              interface->name, interface->kind);
    snprintf (join->device, sizeof join->device, "mvt%u_kata", interface->index);
    return 0;
  }
  snprintf (join->device, sizeof join->device, "tap%%d_kata");
  return kata_netns__run (join->netns_fd, check_free, join, err);
}

/* ---- make ---- */

static struct nl_msg *
link_message (int flags, int index, unsigned set, unsigned change)
{
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = set, .ifi_change = change };
  return kata_netlink__message (RTM_NEWLINK, flags, &info, sizeof info);
}

/* The host's stack shall not speak on a tap: no IPv6 address, hence no router solicitations. A kernel without IPv6 knows no such setting. */
static void
silence (kata_netlink *netlink, int index)
{
  struct nl_msg *msg = link_message (0, index, 0, 0);
  struct nlattr *spec = nla_nest_start (msg, IFLA_AF_SPEC);
  struct nlattr *inet6 = nla_nest_start (msg, AF_INET6);
  nla_put_u8 (msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  nla_nest_end (msg, inet6);
  nla_nest_end (msg, spec);
  kata_netlink__request (netlink, msg);
}

static int
bring_up (kata_netlink *netlink, int index, uint32_t mtu)
{
  struct nl_msg *msg = link_message (0, index, IFF_UP, IFF_UP);
  if (mtu != 0)
    nla_put_u32 (msg, IFLA_MTU, mtu);
  return kata_netlink__request (netlink, msg);
}

/* What the guest receives leaves the host by the tap, what it sends by the interface. */
static int
limit (const struct kata_netjoin *join, kata_netlink *netlink, unsigned tap, kata_error **err)
{
  const char *name = join->interface->name;
  int r = join->rx_bytes != 0 ? kata_tc__limit (netlink, tap, join->rx_bytes) : 0;
  if (r == 0 && join->tx_bytes != 0)
    r = kata_tc__limit (netlink, join->interface->index, join->tx_bytes);
  if (r == -ENOENT || r == -EOPNOTSUPP)
    return kata_error__errno (err, KATA_E_HOST, name, -r,
                              "interface \"%s\": the kernel lacks the qdisc tbf, which limits it (modprobe sch_tbf)",
                              name);
  return r == 0 ? 0 : join_error (err, name, r, "limit its rate; it may have a root qdisc already");
}

/* The qdisc of the interface first, which only one can make: who has not made it has made nothing there. */
static int
redirect (struct kata_netjoin *join, kata_netlink *netlink, unsigned tap, kata_error **err)
{
  unsigned index = join->interface->index;
  int r = kata_tc__add_ingress (netlink, index);
  join->taken = r == -EEXIST;
  if (r == 0)
    r = kata_tc__add_ingress (netlink, tap);
  if (r == 0)
    r = kata_tc__redirect (netlink, tap, index);
  if (r == 0)
    r = kata_tc__redirect (netlink, index, tap);
  if (r == -ENOENT || r == -EOPNOTSUPP)
    return kata_error__errno (
        err, KATA_E_HOST, join->interface->name, -r,
        "interface \"%s\": the kernel lacks the ingress qdisc, the filters matchall and u32, or the "
        "action mirred (modprobe sch_ingress cls_matchall act_mirred)",
        join->interface->name);
  return r == 0 ? 0 : join_error (err, join->interface->name, r, "redirect its traffic to a tap");
}

static int
make_tcfilter (struct kata_netjoin *join, kata_netlink *netlink, kata_error **err)
{
  const struct kata_net_interface *interface = join->interface;
  int r = kata_tap__open (join->fds, join->queues, join->device, join->queues > 1, err);
  if (r != 0)
    return r;
  unsigned tap = if_nametoindex (join->device);
  if (tap == 0)
    return join_error (err, join->device, -errno, "find the new tap");
  silence (netlink, (int) tap);
  r = bring_up (netlink, (int) tap, interface->mtu);
  if (r < 0)
    return join_error (err, join->device, r, "bring the new tap up");
  r = redirect (join, netlink, tap, err);
  return r == 0 ? limit (join, netlink, tap, err) : r;
}

static int
make_macvtap (struct kata_netjoin *join, kata_netlink *netlink, kata_error **err)
{
  const struct kata_net_interface *interface = join->interface;
  struct nl_msg *msg = link_message (NLM_F_CREATE | NLM_F_EXCL, 0, 0, 0);
  nla_put_string (msg, IFLA_IFNAME, join->device);
  nla_put_u32 (msg, IFLA_LINK, interface->index);
  struct nlattr *info = nla_nest_start (msg, IFLA_LINKINFO);
  nla_put_string (msg, IFLA_INFO_KIND, "macvtap");
  struct nlattr *data = nla_nest_start (msg, IFLA_INFO_DATA);
  nla_put_u32 (msg, IFLA_MACVLAN_MODE, MACVLAN_MODE_PASSTHRU);
  nla_nest_end (msg, data);
  nla_nest_end (msg, info);
  int r = kata_netlink__request (netlink, msg);
  join->taken = r == -EEXIST; /* its name has the interface's number in it */
  unsigned index = r == 0 ? if_nametoindex (join->device) : 0;
  if (r == 0 && index == 0)
    r = -errno;
  if (r == 0) {
    silence (netlink, (int) index);
    r = bring_up (netlink, (int) index, 0);
  }
  if (r < 0)
    return join_error (err, interface->name, r, "put a macvtap on it");
  return kata_macvtap__open (join->fds, join->queues, join->device, index, err);
}

static int
make_attach (struct kata_netjoin *join, kata_netlink *netlink, kata_error **err)
{
  int r = kata_tap__open (join->fds, join->queues, join->device, join->interface->multi_queue, err);
  if (r != 0)
    return r;
  r = bring_up (netlink, (int) join->interface->index, 0);
  return r == 0 ? 0 : join_error (err, join->device, r, "bring it up");
}

static int
make (void *data, kata_error **err)
{
  struct kata_netjoin *join = data;
  g_autoptr (kata_netlink) netlink = NULL;
  int r = kata_netlink__open (&netlink, err);
  if (r == 0 && join->way == KATA_NETJOIN_TCFILTER)
    r = make_tcfilter (join, netlink, err);
  else if (r == 0 && join->way == KATA_NETJOIN_MACVTAP)
    r = make_macvtap (join, netlink, err);
  else if (r == 0)
    r = make_attach (join, netlink, err);
  if (r != 0)
    kata_netjoin__close (join);
  return r;
}

int
kata_netjoin__make (struct kata_netjoin *join, kata_error **err)
{
  return kata_netns__run (join->netns_fd, make, join, err);
}

void
kata_netjoin__close (struct kata_netjoin *join)
{
  for (size_t i = 0; i < G_N_ELEMENTS (join->fds); i++)
    kata_fd__closep (&join->fds[i]);
}

/* ---- undo ---- */

struct undo {
  uint32_t index;
  const char *name;
};

static int
undo (void *data, kata_error **err)
{
  const struct undo *undo = data;
  g_autoptr (kata_netlink) netlink = NULL;
  int r = kata_netlink__open (&netlink, err);
  if (r != 0)
    return r;
  if (undo->name == NULL) {
    r = kata_tc__del_ingress (netlink, undo->index);
    if (r == 0)
      r = kata_tc__unlimit (netlink, undo->index);
    return r == 0 ? 0 : kata_error__errno (err, KATA_E_IO, NULL, -r, "interface %u: remove its qdisc", undo->index);
  }
  unsigned index = if_nametoindex (undo->name);
  if (index == 0)
    return 0;
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = (int) index };
  r = kata_netlink__request (netlink, kata_netlink__message (RTM_DELLINK, 0, &info, sizeof info));
  return r == 0 || r == -ENODEV ? 0 : join_error (err, undo->name, r, "remove it");
}

/* A namespace that is gone took everything with it; another at its path is none of ours. */
static int
undo_in (const char *path, uint64_t inode, const struct undo *what, kata_error **err)
{
  kata_auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && (errno == EACCES || errno == EPERM))
    return kata_error__errno (err, KATA_E_PERMISSION, path, errno, "network namespace \"%s\"", path);
  /* That says nothing about it. */
  if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
    return kata_error__errno (err, KATA_E_IO, path, errno, "network namespace \"%s\"", path);
  if (fd < 0 || kata_netns__inode (fd) != inode)
    return 0;
  return kata_netns__run (fd, undo, (void *) what, err);
}

int
kata_netjoin__undo_qdisc (const char *path, uint64_t inode, uint32_t index, kata_error **err)
{
  const struct undo what = { .index = index };
  return undo_in (path, inode, &what, err);
}

int
kata_netjoin__undo_link (const char *path, uint64_t inode, const char *name, kata_error **err)
{
  const struct undo what = { .name = name };
  return undo_in (path, inode, &what, err);
}
