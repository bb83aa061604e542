/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network-interface: configures one interface and lists all. */
#include <endian.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "file.h"
#include "ip.h"
#include "link.h"
#include "mem.h"
#include "modules.h"
#include "netlink.h"
#include "network.h"
#include "proto/features.h"

#define PAUSE_MS      20
#define RESCAN_TRIES  25 /* so many pauses without it, and the PCI bus is looked at again */
#define PCI_RESCAN    "/sys/bus/pci/rescan"
#define ADDRESSES_MAX 64

static int
fault_result (struct fault *fault, int result, const char *what, const char *name)
{
  errno = -result;
  return fault_errno (fault, "interface %.40s: cannot %s", name, what);
}

/* 1 found, 0 not, -errno. */
static int
find_link (const Types__Interface *wanted, struct link *out, int by_name)
{
  struct links links;
  int result = links_list (&links);
  if (result < 0)
    return result;
  const struct link *link = links_find_mac (&links, text_of (wanted->hwaddr));
  if (!link && by_name) {
    link = links_find_name (&links, text_of (wanted->name));
    if (!link)
      link = links_find_name (&links, text_of (wanted->device));
  }
  if (link)
    *out = *link;
  links_clear (&links);
  return link != NULL;
}

static int
wait_for_link (const struct log *log, const Types__Interface *wanted, unsigned timeout_s, struct link *out,
               struct fault *fault)
{
  struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
  unsigned tries = timeout_s * 1000 / PAUSE_MS + 1;
  for (unsigned i = 0; i < tries; i++) {
    /* By name at once when there is no hardware address to wait for, else only in the end. */
    int result = find_link (wanted, out, !text_of (wanted->hwaddr)[0] || i + 1 == tries);
    if (result < 0)
      return fault_result (fault, result, "list interfaces", text_of (wanted->name));
    if (result > 0)
      return 0;
    modules_load_devices (log);
    /* A kernel that hears of new devices has them by then; one that does not, because it lacks a driver for their port, is asked. */
    if (i % RESCAN_TRIES == RESCAN_TRIES - 1)
      file_write (PCI_RESCAN, "1");
    nanosleep (&pause, NULL);
  }
  return fault_set (fault, TTRPC_NOT_FOUND,
                    "no interface has the hardware address \"%.20s\" or the name \"%.20s\" after %u s",
                    text_of (wanted->hwaddr), text_of (wanted->name), timeout_s);
}

static int
add_address (int index, const char *name, const Types__IPAddress *address, struct fault *fault)
{
  struct netlink_message message;
  struct ip ip;
  auto_free char *text =
      mem_format ("%s%s%s", text_of (address->address), text_of (address->mask)[0] ? "/" : "", text_of (address->mask));
  if (ip_parse (&ip, text) < 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "interface %s: \"%.80s\" is not an address with a prefix length",
                      name, text);
  if (ip.family == AF_INET6 && ip_v6_is_off ())
    return 0;
  struct ifaddrmsg body = { .ifa_family = ip.family,
                            .ifa_prefixlen = ip.prefix,
                            .ifa_index = (unsigned) index,
                            .ifa_flags = ip.family == AF_INET6 ? IFA_F_NODAD : 0 };
  netlink_begin (&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
  netlink_put (&message, IFA_LOCAL, ip.bytes, ip_size (&ip));
  netlink_put (&message, IFA_ADDRESS, ip.bytes, ip_size (&ip));
  if (ip.family == AF_INET && ip.prefix < 31) {
    uint32_t host, all = htobe32 ((uint32_t) (0xffffffffull >> ip.prefix));
    memcpy (&host, ip.bytes, sizeof host);
    netlink_put_u32 (&message, IFA_BROADCAST, host | all);
  }
  int result = netlink_request (&message);
  return result < 0 && result != -EEXIST ? fault_result (fault, result, "add an address", name) : 0;
}

/* ---- addresses that went ---- */

struct stale {
  int index;
  const Types__Interface *wanted;
  size_t n;
  struct {
    uint8_t family, prefix;
    uint8_t bytes[16];
  } found[ADDRESSES_MAX];
};

static int
is_wanted (const Types__Interface *wanted, uint8_t family, uint8_t prefix, const void *bytes)
{
  for (size_t i = 0; i < wanted->n_ipaddresses; i++) {
    const Types__IPAddress *address = wanted->ipaddresses[i];
    auto_free char *text = mem_format ("%s%s%s", text_of (address->address), text_of (address->mask)[0] ? "/" : "",
                                       text_of (address->mask));
    struct ip ip;
    if (ip_parse (&ip, text) == 0 && ip.family == family && ip.prefix == prefix &&
        memcmp (ip.bytes, bytes, ip_size (&ip)) == 0)
      return 1;
  }
  return 0;
}

static int
take_stale (void *user, const void *body, size_t len)
{
  struct stale *stale = user;
  const struct rtattr *attributes[NETLINK_ATTRS_MAX];
  const struct ifaddrmsg *info = body;
  if (len < sizeof *info || (int) info->ifa_index != stale->index || stale->n == ADDRESSES_MAX ||
      (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) || info->ifa_scope == RT_SCOPE_LINK ||
      !(info->ifa_flags & IFA_F_PERMANENT))
    return 0; /* the kernel makes those of the link, and of a router's words, by itself */
  netlink_attributes (attributes, body, len, sizeof *info);
  size_t size = info->ifa_family == AF_INET6 ? 16 : 4;
  const void *bytes = netlink_data (attributes[IFA_LOCAL] ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS], size);
  if (!bytes || is_wanted (stale->wanted, info->ifa_family, info->ifa_prefixlen, bytes))
    return 0;
  stale->found[stale->n].family = info->ifa_family;
  stale->found[stale->n].prefix = info->ifa_prefixlen;
  memcpy (stale->found[stale->n].bytes, bytes, size);
  stale->n++;
  return 0;
}

/* What the pod's interface does not have any more; failures are of no consequence, the next update tries again. */
static void
drop_stale (int index, const Types__Interface *wanted)
{
  struct netlink_message message;
  struct ifaddrmsg info = { .ifa_family = AF_UNSPEC };
  struct stale *stale = mem_zero (sizeof *stale);
  stale->index = index;
  stale->wanted = wanted;
  netlink_begin (&message, RTM_GETADDR, 0, &info, sizeof info);
  netlink_dump (&message, RTM_NEWADDR, take_stale, stale);
  for (size_t i = 0; i < stale->n; i++) {
    struct ifaddrmsg body = { .ifa_family = stale->found[i].family,
                              .ifa_prefixlen = stale->found[i].prefix,
                              .ifa_index = (unsigned) index };
    netlink_begin (&message, RTM_DELADDR, 0, &body, sizeof body);
    netlink_put (&message, IFA_LOCAL, stale->found[i].bytes, body.ifa_family == AF_INET6 ? 16 : 4);
    netlink_request (&message);
  }
  free (stale);
}

/* Its device goes, or is used no more: it has to be silent. None is fine. */
static int
retire (const Types__Interface *wanted, struct fault *fault)
{
  struct link link = { 0 };
  int result = find_link (wanted, &link, 0);
  if (result <= 0)
    return result < 0 ? fault_result (fault, result, "list interfaces", text_of (wanted->name)) : 0;
  drop_stale (link.index, wanted);
  result = link_change (link.index, 0, IFF_UP, NULL, 0);
  return result < 0 ? fault_result (fault, result, "bring it down", text_of (wanted->name)) : 0;
}

/* Names are unique: whoever has the wanted one gets the other's in exchange. */
static int
rename_link (const struct link *link, const char *name, struct fault *fault)
{
  struct links links;
  int result = links_list (&links);
  if (result < 0)
    return fault_result (fault, result, "list interfaces", name);
  const struct link *holder = links_find_name (&links, name);
  int other = holder ? holder->index : 0;
  links_clear (&links);
  link_change (link->index, 0, IFF_UP, NULL, 0);
  if (other) {
    link_change (other, 0, IFF_UP, NULL, 0);
    result = link_change (other, 0, 0, "kata-swap", 0);
  }
  if (result == 0)
    result = link_change (link->index, 0, 0, name, 0);
  if (other)
    link_change (other, 0, 0, result == 0 ? link->name : name, 0);
  return result < 0 ? fault_result (fault, result, "rename it", name) : 0;
}

int
network_update_interface (const struct log *log, const Types__Interface *wanted, unsigned timeout_s,
                          struct fault *fault)
{
  struct link link = { 0 };
  const char *name = text_of (wanted->name);
  uint8_t mac[6];
  if (strlen (name) >= IFNAMSIZ || strpbrk (name, "/ \n") || wanted->mtu > 65536 ||
      wanted->n_ipaddresses > ADDRESSES_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT,
                      "interface \"%.40s\": name, MTU or number of addresses is out of range", name);
  if (text_of (wanted->hwaddr)[0] && link_parse_mac (wanted->hwaddr, mac) < 0)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "interface %s: \"%.40s\" is not a hardware address", name,
                      wanted->hwaddr);
  if (text_is (text_of (wanted->type), KATA_INTERFACE_RETIRED))
    return retire (wanted, fault);
  if (wait_for_link (log, wanted, timeout_s, &link, fault) < 0)
    return -1;
  if (text_of (wanted->hwaddr)[0] && strcasecmp (link.mac, wanted->hwaddr) != 0) {
    link_change (link.index, 0, IFF_UP, NULL, 0);
    int result = link_set_mac (link.index, wanted->hwaddr);
    if (result < 0)
      return fault_result (fault, result, "set its hardware address", name);
  }
  if (*name && !text_is (link.name, name) && rename_link (&link, name, fault) < 0)
    return -1;
  uint32_t flags = IFF_UP | (wanted->raw_flags & IFF_NOARP);
  int result = link_change (link.index, flags, IFF_UP | IFF_NOARP, NULL, (uint32_t) wanted->mtu);
  if (result < 0)
    return fault_result (fault, result, "set its MTU and bring it up", name);
  /* Before the new ones: with the first address of a network the kernel drops the others of it. */
  drop_stale (link.index, wanted);
  for (size_t i = 0; i < wanted->n_ipaddresses; i++)
    if (add_address (link.index, name, wanted->ipaddresses[i], fault) < 0)
      return -1;
  return 0;
}

struct address_list {
  const struct links *links;
  Grpc__Interfaces *out;
};

static int
take_address (void *user, const void *body, size_t len)
{
  struct address_list *list = user;
  const struct rtattr *attributes[NETLINK_ATTRS_MAX];
  const struct ifaddrmsg *info = body;
  char text[64];
  if (len < sizeof *info || (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
    return 0;
  netlink_attributes (attributes, body, len, sizeof *info);
  size_t size = info->ifa_family == AF_INET6 ? 16 : 4;
  const void *bytes = netlink_data (attributes[IFA_LOCAL] ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS], size);
  const struct link *link = links_find_index (list->links, (int) info->ifa_index);
  if (!bytes || !link)
    return 0;
  Types__Interface *owner = list->out->interfaces[link - list->links->items];
  if (owner->n_ipaddresses == ADDRESSES_MAX)
    return 0;
  Types__IPAddress *address = mem_zero (sizeof *address);
  types__ipaddress__init (address);
  address->has_family = 1;
  address->family = info->ifa_family == AF_INET6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
  ip_print (text, sizeof text, info->ifa_family, bytes, -1);
  address->address = mem_text (text);
  address->mask = mem_format ("%u", info->ifa_prefixlen);
  if (!owner->ipaddresses)
    owner->ipaddresses = mem_zero (ADDRESSES_MAX * sizeof *owner->ipaddresses);
  owner->ipaddresses[owner->n_ipaddresses++] = address;
  return 0;
}

static Types__Interface *
interface_of (const struct link *link)
{
  Types__Interface *interface = mem_zero (sizeof *interface);
  types__interface__init (interface);
  interface->device = mem_text (link->name);
  interface->name = mem_text (link->name);
  interface->hwaddr = mem_text (link->mac);
  interface->has_mtu = 1;
  interface->mtu = link->mtu;
  interface->has_raw_flags = 1;
  interface->raw_flags = link->flags;
  return interface;
}

int
network_list_interfaces (Grpc__Interfaces *out, struct fault *fault)
{
  struct netlink_message message;
  struct ifaddrmsg info = { .ifa_family = AF_UNSPEC };
  struct links links;
  int result = links_list (&links);
  if (result == 0) {
    struct address_list list = { &links, out };
    out->interfaces = mem_zero ((links.count + 1) * sizeof *out->interfaces);
    for (size_t i = 0; i < links.count; i++)
      out->interfaces[out->n_interfaces++] = interface_of (&links.items[i]);
    netlink_begin (&message, RTM_GETADDR, 0, &info, sizeof info);
    result = netlink_dump (&message, RTM_NEWADDR, take_address, &list);
    links_clear (&links);
  }
  return result < 0 ? fault_result (fault, result, "list interfaces", "*") : 0;
}
