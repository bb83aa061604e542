/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* link: the guest's network interfaces as the kernel lists them, and changing one. */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#define LINKS_MAX 128

struct link {
  int index;
  char name[IFNAMSIZ];
  char mac[18]; /* "02:00:…", empty if it has none */
  uint32_t mtu;
  uint32_t flags; /* IFF_* */
};

struct links {
  struct link *items;
  size_t count;
};

/** 0 or -errno; release with links_clear(). */
int links_list (struct links *out);
void links_clear (struct links *links);
const struct link *links_find_mac (const struct links *links, const char *mac);
const struct link *links_find_name (const struct links *links, const char *name);
const struct link *links_find_index (const struct links *links, int index);

/** Sets flags within @mask, and the name and MTU unless NULL and 0. 0 or -errno. */
int link_change (int index, uint32_t flags, uint32_t mask, const char *name, uint32_t mtu);
/** 0 or -errno. */
int link_set_mac (int index, const char *mac);
/** "02:00:…" to six bytes. 0 or -1. */
int link_parse_mac (const char *text, uint8_t mac[6]);

#endif
