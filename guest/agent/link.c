/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* link: RTM_GETLINK and RTM_NEWLINK; addresses and routes are elsewhere. */
#include "link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "mem.h"
#include "netlink.h"

static int
take_link (void *user, const void *body, size_t len)
{
  struct links *links = user;
  const struct rtattr *attributes[NETLINK_ATTRS_MAX];
  const struct ifinfomsg *info = body;
  if (len < sizeof *info || links->count == LINKS_MAX)
    return len >= sizeof *info;
  struct link *link = &links->items[links->count];
  netlink_attributes (attributes, body, len, sizeof *info);
  const char *name = netlink_data (attributes[IFLA_IFNAME], 2);
  const uint8_t *mac = netlink_data (attributes[IFLA_ADDRESS], 6);
  if (!name)
    return 0;
  link->index = info->ifi_index;
  link->flags = info->ifi_flags;
  link->mtu = netlink_u32 (attributes[IFLA_MTU], 0);
  snprintf (link->name, sizeof link->name, "%.*s", (int) RTA_PAYLOAD (attributes[IFLA_IFNAME]), name);
  if (mac)
    snprintf (link->mac, sizeof link->mac, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
              mac[5]);
  links->count++;
  return 0;
}

int
links_list (struct links *out)
{
  struct netlink_message message;
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
  out->items = mem_zero (LINKS_MAX * sizeof *out->items);
  out->count = 0;
  netlink_begin (&message, RTM_GETLINK, 0, &info, sizeof info);
  int result = netlink_dump (&message, RTM_NEWLINK, take_link, out);
  if (result < 0)
    links_clear (out);
  return result;
}

void
links_clear (struct links *links)
{
  free (links->items);
  *links = (struct links){ 0 };
}

const struct link *
links_find_mac (const struct links *links, const char *mac)
{
  for (size_t i = 0; i < links->count; i++)
    if (*mac && strcasecmp (links->items[i].mac, mac) == 0)
      return &links->items[i];
  return NULL;
}

const struct link *
links_find_name (const struct links *links, const char *name)
{
  for (size_t i = 0; i < links->count; i++)
    if (text_is (links->items[i].name, name))
      return &links->items[i];
  return NULL;
}

const struct link *
links_find_index (const struct links *links, int index)
{
  for (size_t i = 0; i < links->count; i++)
    if (links->items[i].index == index)
      return &links->items[i];
  return NULL;
}

int
link_change (int index, uint32_t flags, uint32_t mask, const char *name, uint32_t mtu)
{
  struct netlink_message message;
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = flags, .ifi_change = mask };
  netlink_begin (&message, RTM_NEWLINK, 0, &info, sizeof info);
  if (name)
    netlink_put (&message, IFLA_IFNAME, name, strlen (name) + 1);
  if (mtu)
    netlink_put_u32 (&message, IFLA_MTU, mtu);
  return netlink_request (&message);
}

int
link_parse_mac (const char *text, uint8_t mac[6])
{
  unsigned part[6];
  char rest;
  if (strlen (text) != 17 || sscanf (text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &part[0], &part[1], &part[2], &part[3],
                                     &part[4], &part[5], &rest) != 6)
    return -1;
  for (int i = 0; i < 6; i++)
    mac[i] = (uint8_t) part[i];
  return 0;
}

int
link_set_mac (int index, const char *mac)
{
  struct netlink_message message;
  struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = index };
  uint8_t bytes[6];
  if (link_parse_mac (mac, bytes) < 0)
    return -EINVAL;
  netlink_begin (&message, RTM_NEWLINK, 0, &info, sizeof info);
  netlink_put (&message, IFLA_ADDRESS, bytes, sizeof bytes);
  return netlink_request (&message);
}
