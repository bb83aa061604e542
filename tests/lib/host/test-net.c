/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-net: decoding of rtnetlink's messages, with limits and nonsense; and in namespaces of its own: the scan, and frames through a joined tap. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/netjoin.h"
#include "host/netns.h"
#include "host/tc.h"

/* ---- decode ---- */

static kata_arena *arena;
static struct kata_net net;

static void
setup (void)
{
  arena = kata_arena__new ();
  net = (struct kata_net){ .arena = arena };
}

static void
teardown (void)
{
  kata_arena__free (arena);
}

static int
decode (struct nl_msg *msg)
{
  int r = kata_net__decode (&net, nlmsg_hdr (msg));
  nlmsg_free (msg);
  return r;
}

static int
add_link (int index, const char *name)
{
  struct ifinfomsg info = { .ifi_index = index, .ifi_type = 1 };
  struct nl_msg *msg = kata_netlink__message (RTM_NEWLINK, 0, &info, sizeof info);
  nla_put_string (msg, IFLA_IFNAME, name);
  nla_put_u32 (msg, IFLA_MTU, 1450);
  nla_put (msg, IFLA_ADDRESS, 6, "\x02\x42\x0a\x00\x00\x01");
  struct nlattr *link = nla_nest_start (msg, IFLA_LINKINFO);
  nla_put_string (msg, IFLA_INFO_KIND, "veth");
  nla_nest_end (msg, link);
  return decode (msg);
}

static int
add_address (unsigned index, int family, const char *local, const char *remote, unsigned char prefix)
{
  unsigned char bytes[16];
  struct ifaddrmsg info = { .ifa_family = (unsigned char) family, .ifa_prefixlen = prefix, .ifa_index = index };
  struct nl_msg *msg = kata_netlink__message (RTM_NEWADDR, 0, &info, sizeof info);
  int size = family == AF_INET6 ? 16 : 4;
  if (local != NULL && inet_pton (family, local, bytes) == 1)
    nla_put (msg, IFA_LOCAL, size, bytes);
  if (inet_pton (family, remote, bytes) == 1)
    nla_put (msg, IFA_ADDRESS, size, bytes);
  return decode (msg);
}

static struct nl_msg *
route (unsigned char protocol, const char *dest, unsigned char prefix, const char *gateway, unsigned index)
{
  unsigned char bytes[16];
  struct rtmsg info = { .rtm_family = AF_INET,
                        .rtm_dst_len = prefix,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = protocol,
                        .rtm_type = RTN_UNICAST };
  struct nl_msg *msg = kata_netlink__message (RTM_NEWROUTE, 0, &info, sizeof info);
  if (dest != NULL && inet_pton (AF_INET, dest, bytes) == 1)
    nla_put (msg, RTA_DST, 4, bytes);
  if (gateway != NULL && inet_pton (AF_INET, gateway, bytes) == 1)
    nla_put (msg, RTA_GATEWAY, 4, bytes);
  nla_put_u32 (msg, RTA_OIF, index);
  return msg;
}

START_TEST (decode_pod)
{
  ck_assert_int_eq (add_link (3, "eth0"), 0);
  ck_assert_int_eq (add_link (4, "gre0"), 0); /* no address: not a guest's */
  ck_assert_int_eq (add_address (3, AF_INET, "10.0.0.2", "10.0.0.2", 24), 0);
  ck_assert_int_eq (add_address (3, AF_INET6, NULL, "fd00::2", 64), 0);
  ck_assert_int_eq (add_address (9, AF_INET, "10.9.9.9", "10.9.9.9", 24), 0); /* nobody's */
  ck_assert_int_eq (decode (route (RTPROT_KERNEL, "10.0.0.0", 24, NULL, 3)), 0);
  ck_assert_int_eq (decode (route (RTPROT_BOOT, NULL, 0, "10.0.0.1", 3)), 0);
  ck_assert_int_eq (decode (route (RTPROT_BOOT, "10.1.0.0", 16, NULL, 4)), 0); /* by an interface that goes */
  struct nl_msg *many = route (RTPROT_BOOT, "10.2.0.0", 16, NULL, 3);
  nla_put (many, RTA_MULTIPATH, 8, "\0\0\0\0\0\0\0\0");
  ck_assert_int_eq (decode (many), 0);
  struct ndmsg info = { .ndm_family = AF_INET, .ndm_ifindex = 3, .ndm_state = NUD_PERMANENT };
  struct nl_msg *neighbor = kata_netlink__message (RTM_NEWNEIGH, 0, &info, sizeof info);
  nla_put (neighbor, NDA_DST, 4, "\x0a\0\0\x01");
  nla_put (neighbor, NDA_LLADDR, 6, "\x02\0\0\0\0\x01");
  ck_assert_int_eq (decode (neighbor), 0);
  info.ndm_state = NUD_REACHABLE; /* learned */
  neighbor = kata_netlink__message (RTM_NEWNEIGH, 0, &info, sizeof info);
  nla_put (neighbor, NDA_DST, 4, "\x0a\0\0\x02");
  nla_put (neighbor, NDA_LLADDR, 6, "\x02\0\0\0\0\x02");
  ck_assert_int_eq (decode (neighbor), 0);
  kata_net__prune (&net);

  ck_assert_uint_eq (net.n_interfaces, 1);
  const struct kata_net_interface *eth0 = kata_net__find (&net, "eth0");
  ck_assert_str_eq (eth0->mac, "02:42:0a:00:00:01");
  ck_assert_str_eq (eth0->kind, "veth");
  ck_assert_uint_eq (eth0->mtu, 1450);
  ck_assert (eth0->ethernet);
  ck_assert_uint_eq (eth0->n_addresses, 2);
  ck_assert_str_eq (eth0->addresses[1].address, "fd00::2");
  ck_assert (eth0->addresses[1].ipv6);
  ck_assert_uint_eq (net.n_routes, 1);
  ck_assert_str_eq (net.routes[0].dest, "");
  ck_assert_str_eq (net.routes[0].gateway, "10.0.0.1");
  ck_assert_uint_eq (net.n_dropped_routes, 1);
  ck_assert_uint_eq (net.n_neighbors, 1);
  ck_assert_str_eq (net.neighbors[0].mac, "02:00:00:00:00:01");
}
END_TEST

START_TEST (decode_peer)
{
  ck_assert_int_eq (add_link (3, "eth0"), 0);
  ck_assert_int_eq (add_address (3, AF_INET, "10.0.0.2", "10.0.9.1", 30), 0);
  ck_assert_uint_eq (net.interfaces[0].addresses[0].prefix, 32);
  ck_assert_uint_eq (net.n_routes, 1);
  ck_assert_str_eq (net.routes[0].dest, "10.0.9.1/30");
  ck_assert_uint_eq (net.routes[0].scope, RT_SCOPE_LINK);
}
END_TEST

START_TEST (decode_limits)
{
  for (unsigned i = 0; i < KATA_NET_INTERFACES_MAX; i++) {
    g_autofree char *name = g_strdup_printf ("eth%u", i);
    ck_assert_int_eq (add_link ((int) i + 1, name), 0);
  }
  ck_assert_int_eq (add_link (100, "more"), -E2BIG);
  for (unsigned i = 0; i < KATA_NET_ADDRESSES_MAX; i++)
    ck_assert_int_eq (add_address (1, AF_INET, "10.0.0.2", "10.0.0.2", 24), 0);
  ck_assert_int_eq (add_address (1, AF_INET, "10.0.0.2", "10.0.0.2", 24), -E2BIG);
  for (unsigned i = 0; i < KATA_NET_ROUTES_MAX; i++)
    ck_assert_int_eq (decode (route (RTPROT_BOOT, "10.2.0.0", 16, NULL, 1)), 0);
  ck_assert_int_eq (decode (route (RTPROT_BOOT, "10.2.0.0", 16, NULL, 1)), -E2BIG);
}
END_TEST

START_TEST (decode_nonsense)
{
  ck_assert_int_eq (add_link (3, "a\nb"), -EINVAL);
  ck_assert_int_eq (add_link (3, "a\"b"), -EINVAL);
  ck_assert_int_eq (add_link (0, "eth0"), -EINVAL);
  ck_assert_int_eq (add_link (3, "a-name-of-more-than-15"), -EINVAL);
  ck_assert_int_eq (add_link (3, "eth0"), 0);
  ck_assert_int_eq (add_address (3, AF_INET, "10.0.0.2", "10.0.0.2", 33), -EINVAL);
  struct nl_msg *msg = route (RTPROT_BOOT, "10.0.0.0", 33, NULL, 3);
  ck_assert_int_eq (decode (msg), -EINVAL);
  msg = route (RTPROT_BOOT, NULL, 0, NULL, 3);
  nla_put (msg, RTA_GATEWAY, 3, "\1\2\3");
  ck_assert_int_eq (decode (msg), -EINVAL);
  /* Cut anywhere it is refused or says less, and nothing is read beyond it. */
  struct ifinfomsg info = { .ifi_index = 5 };
  msg = kata_netlink__message (RTM_NEWLINK, 0, &info, sizeof info);
  nla_put_string (msg, IFLA_IFNAME, "eth5");
  uint32_t whole = nlmsg_hdr (msg)->nlmsg_len;
  for (uint32_t len = NLMSG_HDRLEN; len < whole; len++) {
    g_autofree struct nlmsghdr *cut = g_memdup2 (nlmsg_hdr (msg), len);
    cut->nlmsg_len = len;
    ck_assert_int_le (kata_net__decode (&net, cut), 0);
  }
  nlmsg_free (msg);
}
END_TEST

/* ---- in namespaces ---- */

static char *top;

/* Runs a command line in a namespace; ip and tc inherit that of the thread. */
static int
shell (void *data, kata_error **err)
{
  return system (data) == 0 ? 0 : kata_error__set (err, KATA_E_IO, NULL, "failed: %s", (const char *) data);
}

static void
in (int ns, const char *command)
{
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_netns__run (ns, shell, (void *) command, &error) == 0, "%s", kata_error_get_message (error));
}

/* Two namespaces with a veth pair between them; the pod's has a name in the file system. */
static char *
make_pod (int *pod, int *peer)
{
  ck_assert_int_eq (kata_netns__new (pod, NULL), 0);
  ck_assert_int_eq (kata_netns__new (peer, NULL), 0);
  top = g_dir_make_tmp ("kata-net-XXXXXX", NULL);
  char *path = g_build_filename (top, "ns", NULL);
  g_autofree char *from = g_strdup_printf ("/proc/self/fd/%d", *pod);
  ck_assert (g_file_set_contents (path, "", 0, NULL));
  ck_assert_int_eq (mount (from, path, NULL, MS_BIND, NULL), 0);
  g_autofree char *add = g_strdup_printf (
      "ip link add eth0 mtu 1400 type veth peer name p1 netns /proc/%d/fd/%d && ip link set eth0 up && ip addr add "
      "10.77.0.2/24 dev eth0 && ip link set lo up && ip route add default via 10.77.0.1 dev eth0 onlink && ip neigh "
      "add "
      "10.77.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent && ip -6 addr add fd77::2/64 dev eth0 nodad",
      getpid (), *peer);
  in (*pod, add);
  in (*peer, "ip link set p1 up");
  return path;
}

static void
drop_pod (char *path, int pod, int peer)
{
  umount2 (path, MNT_DETACH);
  g_unlink (path);
  g_rmdir (top);
  g_free (path);
  g_free (top);
  close (pod);
  close (peer);
}

/* Who cannot look does not know that it is gone: the record has to stay. */
START_TEST (undo_without_descriptors)
{
  struct rlimit before, none;
  g_autoptr (kata_error) qdisc = NULL;
  g_autoptr (kata_error) link = NULL;
  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &before), 0);
  none = (struct rlimit){ 0, before.rlim_max };
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &none), 0);
  int r = kata_netjoin__undo_qdisc ("/proc/self/ns/net", 1, 1, &qdisc);
  int also = kata_netjoin__undo_link ("/proc/self/ns/net", 1, "no-such", &link);
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &before), 0);
  ck_assert_int_eq (r, KATA_E_IO);
  ck_assert_int_eq (also, KATA_E_IO);
}
END_TEST

START_TEST (namespaces)
{
  int fd = -1, other = -1;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_netns__open (&fd, "/proc/self/ns/net", &error), KATA_E_INVALID);
  ck_assert_int_eq (kata_netns__open (&fd, "/proc/self/ns/mnt", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_netns__open (&fd, "/dev/null", NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_netns__open (&fd, "/nowhere", NULL), KATA_E_NOT_FOUND);
  ck_assert_int_eq (fd, -1);
  ck_assert_int_eq (kata_netns__new (&fd, NULL), 0);
  ck_assert_int_eq (kata_netns__new (&other, NULL), 0);
  ck_assert_uint_ne (kata_netns__inode (fd), 0);
  ck_assert_uint_ne (kata_netns__inode (fd), kata_netns__inode (other));
  close (fd);
  close (other);
}
END_TEST

START_TEST (scan)
{
  int pod, peer;
  char *path = make_pod (&pod, &peer);
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_net__scan (&net, arena, pod, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_uint_eq (net.n_interfaces, 1);
  ck_assert_str_eq (net.interfaces[0].name, "eth0");
  ck_assert_str_eq (net.interfaces[0].kind, "veth");
  ck_assert_uint_eq (net.interfaces[0].mtu, 1400);
  ck_assert_str_eq (net.interfaces[0].addresses[0].address, "10.77.0.2");
  ck_assert_uint_eq (net.interfaces[0].addresses[0].prefix, 24);
  ck_assert_uint_ge (net.n_routes, 1);
  ck_assert_str_eq (net.routes[0].gateway, "10.77.0.1");
  ck_assert_uint_eq (net.n_neighbors, 1);
  ck_assert_str_eq (net.neighbors[0].mac, "02:00:00:00:00:01");
  drop_pod (path, pod, peer);
}
END_TEST

static int
packet_socket (void *data, kata_error **err)
{
  struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons (ETH_P_ALL) };
  int fd = socket (AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons (ETH_P_ALL));
  address.sll_ifindex = (int) if_nametoindex ("p1");
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) != 0)
    return kata_error__set (err, KATA_E_IO, NULL, "packet socket");
  *(int *) data = fd;
  return 0;
}

/* Waits for a frame that ends in @text; whatever else is on the wire is passed over. */
static bool
hears (int fd, const char *text)
{
  char frame[2048];
  for (int i = 0; i < 100; i++) {
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    if (poll (&poller, 1, 2000) <= 0)
      return false;
    ssize_t n = read (fd, frame, sizeof frame);
    if (n > 0 && memmem (frame, (size_t) n, text, strlen (text)) != NULL)
      return true;
  }
  return false;
}

static void
exchange_frames (int tap, int peer)
{
  /* A tap's frames have virtio's header of 10 bytes before them. */
  static const char header[10];
  char frame[100] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x09\x88\xb5";
  char out[110];
  int wire = -1;
  ck_assert_int_eq (kata_netns__run (peer, packet_socket, &wire, NULL), 0);
  strcpy (frame + 14, "from the guest");
  memcpy (out, header, 10);
  memcpy (out + 10, frame, 100);
  ck_assert_int_eq (write (tap, out, 110), 110);
  ck_assert (hears (wire, "from the guest"));
  strcpy (frame + 14, "to the guest");
  ck_assert_int_eq (write (wire, frame, 100), 100);
  ck_assert (hears (tap, "to the guest"));
  close (wire);
}

static int
ingress_of_eth0 (void *data, kata_error **err)
{
  g_autoptr (kata_netlink) netlink = NULL;
  ck_assert_int_eq (kata_netlink__open (&netlink, NULL), 0);
  *(int *) data = kata_tc__has_ingress (netlink, if_nametoindex ("eth0"));
  return 0;
}

START_TEST (tcfilter)
{
  int pod, peer, found = -1;
  char *path = make_pod (&pod, &peer);
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_net__scan (&net, arena, pod, NULL), 0);
  struct kata_netjoin join = { .netns_fd = pod, .interface = &net.interfaces[0], .queues = _i == 0 ? 1 : 2 };
  ck_assert_int_eq (kata_netjoin__prepare (&join, &error), 0);
  ck_assert_str_eq (join.mac, net.interfaces[0].mac);
  ck_assert_msg (kata_netjoin__make (&join, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_str_eq (join.device, "tap0_kata");
  if (join.queues == 1)
    exchange_frames (join.fds[0], peer);
  struct kata_netjoin second = { .netns_fd = pod, .interface = &net.interfaces[0], .queues = 1 };
  ck_assert_int_eq (kata_netjoin__prepare (&second, NULL), KATA_E_BUSY);
  kata_netjoin__close (&join);
  uint64_t inode = kata_netns__inode (pod);
  uint32_t index = net.interfaces[0].index;
  ck_assert_int_eq (kata_netjoin__undo_qdisc (path, inode + 1, index, NULL), 0);
  kata_netns__run (pod, ingress_of_eth0, &found, NULL);
  ck_assert_int_eq (found, 1); /* another namespace was meant */
  ck_assert_int_eq (kata_netjoin__undo_qdisc (path, inode, index, &error), 0);
  kata_netns__run (pod, ingress_of_eth0, &found, NULL);
  ck_assert_int_eq (found, 0);
  ck_assert_int_eq (kata_netjoin__undo_qdisc (path, inode, index, NULL), 0);
  ck_assert_int_eq (kata_netjoin__undo_qdisc ("/nowhere", inode, index, NULL), 0);
  in (pod, "! ip link show tap0_kata 2>/dev/null");
  drop_pod (path, pod, peer);
}
END_TEST

/* Frames of 1,000 bytes as fast as they go for a while; how many come out at the other end. Microseconds in @elapsed. */
static uint64_t
flood (int in, int out, size_t header, gint64 *elapsed)
{
  char frame[1010] = { 0 }, got[2048];
  uint64_t heard = 0;
  gint64 begun = g_get_monotonic_time ();
  memcpy (frame + header, "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x09\x88\xb5 flood", 20);
  fcntl (in, F_SETFL, O_NONBLOCK);
  fcntl (out, F_SETFL, O_NONBLOCK);
  while (g_get_monotonic_time () - begun < 300000) {
    ssize_t n;
    for (int i = 0; i < 16; i++)
      (void) !write (in, frame, 1000 + header);
    while ((n = read (out, got, sizeof got)) > 0)
      heard += memmem (got, (size_t) n, " flood", 6) != NULL;
  }
  *elapsed = g_get_monotonic_time () - begun;
  return heard;
}

/* Measured as a share of what the time allows, so that a slow machine is no failure. */
START_TEST (limits)
{
  int pod, peer, wire = -1;
  char *path = make_pod (&pod, &peer);
  const uint64_t rate = 200000;
  gint64 elapsed;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_net__scan (&net, arena, pod, NULL), 0);
  struct kata_netjoin join = {
    .netns_fd = pod, .interface = &net.interfaces[0], .queues = 1, .rx_bytes = rate, .tx_bytes = rate
  };
  ck_assert_int_eq (kata_netjoin__prepare (&join, NULL), 0);
  int r = kata_netjoin__make (&join, &error);
  if (r == KATA_E_HOST)
    printf ("SKIP: limits: %s\n", kata_error_get_message (error));
  ck_assert (r == 0 || r == KATA_E_HOST);
  ck_assert_int_eq (kata_netns__run (peer, packet_socket, &wire, NULL), 0);
  for (int way = 0; r == 0 && way < 2; way++) {
    uint64_t heard = way == 0 ? flood (wire, join.fds[0], 0, &elapsed) : flood (join.fds[0], wire, 10, &elapsed);
    uint64_t allowed = rate / 10 + rate * (uint64_t) elapsed / 1000000;
    ck_assert_uint_ge (heard, 1);
    ck_assert_msg (heard * 1000 <= allowed * 12 / 10 + 4000,
                   "way %d: %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " bytes", way, heard, allowed);
  }
  kata_netjoin__close (&join);
  ck_assert_int_eq (kata_netjoin__undo_qdisc (path, kata_netns__inode (pod), net.interfaces[0].index, &error), 0);
  in (pod, "! tc qdisc show dev eth0 2>/dev/null | grep -q -e tbf -e ingress");
  struct kata_netjoin other = {
    .netns_fd = pod, .interface = &net.interfaces[0], .queues = 1, .way = KATA_NETJOIN_MACVTAP, .tx_bytes = 1
  };
  ck_assert_int_eq (kata_netjoin__prepare (&other, NULL), KATA_E_UNSUPPORTED);
  close (wire);
  drop_pod (path, pod, peer);
}
END_TEST

START_TEST (macvtap)
{
  int pod, peer;
  char *path = make_pod (&pod, &peer);
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_net__scan (&net, arena, pod, NULL), 0);
  struct kata_netjoin join = {
    .netns_fd = pod, .interface = &net.interfaces[0], .queues = 1, .way = KATA_NETJOIN_MACVTAP
  };
  ck_assert_int_eq (kata_netjoin__prepare (&join, &error), 0);
  int r = kata_netjoin__make (&join, &error);
  if (r == KATA_E_HOST) {
    printf ("SKIP: macvtap: %s\n", kata_error_get_message (error));
  } else {
    ck_assert_msg (r == 0, "%s", kata_error_get_message (error));
    exchange_frames (join.fds[0], peer);
  }
  kata_netjoin__close (&join);
  ck_assert_int_eq (kata_netjoin__undo_link (path, kata_netns__inode (pod), join.device, &error), 0);
  ck_assert_int_eq (kata_netjoin__undo_link (path, kata_netns__inode (pod), join.device, &error), 0);
  in (pod, "! ip link show type macvtap 2>/dev/null | grep .");
  drop_pod (path, pod, peer);
}
END_TEST

/* Two that have looked before either has made anything. */
START_TEST (one_of_two)
{
  int pod, peer;
  char *path = make_pod (&pod, &peer);
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_net__scan (&net, arena, pod, NULL), 0);
  const struct kata_netjoin wanted = { .netns_fd = pod,
                                       .interface = &net.interfaces[0],
                                       .queues = 1,
                                       .way = _i == 0 ? KATA_NETJOIN_TCFILTER : KATA_NETJOIN_MACVTAP };
  struct kata_netjoin first = wanted, second = wanted;
  ck_assert_int_eq (kata_netjoin__prepare (&first, &error), 0);
  ck_assert_int_eq (kata_netjoin__prepare (&second, &error), 0);
  int r = kata_netjoin__make (&first, &error);
  if (r == 0) {
    ck_assert (!first.taken);
    ck_assert_int_eq (kata_netjoin__make (&second, &error), KATA_E_BUSY);
    ck_assert (second.taken);
    ck_assert_int_eq (second.fds[0], -1);
    exchange_frames (first.fds[0], peer);
  } else {
    printf ("SKIP: one of two: %s\n", kata_error_get_message (error));
    ck_assert (_i == 1 && r == KATA_E_HOST);
  }
  kata_netjoin__close (&first);
  drop_pod (path, pod, peer);
}
END_TEST

struct holder {
  char *name;
  int fd;
};

static int
hold (void *data, kata_error **err)
{
  struct holder *holder = data;
  return kata_tap__open (&holder->fd, 1, holder->name, false, err);
}

START_TEST (attach)
{
  int pod;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_netns__new (&pod, NULL), 0);
  in (pod, "ip tuntap add dev tap7 mode tap && ip addr add 10.1.1.1/24 dev tap7 && ip tuntap add dev tun7 mode tun && "
           "ip addr add 10.2.2.2/24 dev tun7");
  ck_assert_int_eq (kata_net__scan (&net, arena, pod, NULL), 0);
  ck_assert_uint_eq (net.n_interfaces, 2);
  struct kata_netjoin join = { .netns_fd = pod, .interface = kata_net__find (&net, "tap7"), .queues = 4 };
  ck_assert_int_eq (kata_netjoin__prepare (&join, &error), 0);
  ck_assert_int_eq (join.way, KATA_NETJOIN_ATTACH);
  ck_assert_uint_eq (join.queues, 1);
  ck_assert_str_ne (join.mac, join.interface->mac);
  ck_assert_msg (kata_netjoin__make (&join, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_int_ge (join.fds[0], 0);
  kata_netjoin__close (&join);
  /* Held by a program, which is its wire: a tap of ours beside it. */
  char held[IFNAMSIZ] = "held0";
  struct holder holder = { .name = held, .fd = -1 };
  ck_assert_int_eq (kata_netns__run (pod, hold, &holder, NULL), 0);
  in (pod, "ip addr add 10.3.3.3/24 dev held0 && ip link set held0 up && sleep 0.1");
  ck_assert_int_eq (kata_net__scan (&net, arena, pod, NULL), 0);
  struct kata_netjoin beside = { .netns_fd = pod, .interface = kata_net__find (&net, "held0"), .queues = 1 };
  ck_assert_int_eq (kata_netjoin__prepare (&beside, &error), 0);
  ck_assert_int_eq (beside.way, KATA_NETJOIN_TCFILTER);
  ck_assert_str_eq (beside.mac, beside.interface->mac);
  close (holder.fd);
  struct kata_netjoin tun = { .netns_fd = pod, .interface = kata_net__find (&net, "tun7"), .queues = 1 };
  ck_assert_int_eq (kata_netjoin__prepare (&tun, NULL), KATA_E_UNSUPPORTED);
  close (pod);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("net");
  TCase *pure = tcase_create ("decode"), *real = tcase_create ("namespaces");
  tcase_add_checked_fixture (pure, setup, teardown);
  tcase_add_checked_fixture (real, setup, teardown);
  tcase_set_timeout (real, 30);
  tcase_add_test (pure, decode_pod);
  tcase_add_test (pure, decode_peer);
  tcase_add_test (pure, decode_limits);
  tcase_add_test (pure, decode_nonsense);
  tcase_add_test (pure, undo_without_descriptors);
  tcase_add_test (real, namespaces);
  tcase_add_test (real, scan);
  tcase_add_loop_test (real, tcfilter, 0, 2);
  tcase_add_test (real, limits);
  tcase_add_test (real, macvtap);
  tcase_add_loop_test (real, one_of_two, 0, 2);
  tcase_add_test (real, attach);
  suite_add_tcase (suite, pure);
  if (geteuid () == 0 && access ("/dev/net/tun", R_OK | W_OK) == 0 && system ("ip -V >/dev/null 2>&1") == 0)
    suite_add_tcase (suite, real);
  else
    printf ("SKIP: namespaces: needs root, /dev/net/tun and ip\n");
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
