/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ip: addresses as text and as bytes. */
#ifndef AGENT_IP_H
#define AGENT_IP_H

#include <stddef.h>
#include <stdint.h>

struct ip {
  uint8_t family; /* AF_INET, AF_INET6 */
  uint8_t prefix;
  uint8_t bytes[16];
};

/** "10.0.0.1", "10.0.0.0/8", IPv6 alike; without a length the whole address. 0 or -1. */
int ip_parse (struct ip *out, const char *text);
size_t ip_size (const struct ip *ip);
/** "a.b.c.d" or with @with_prefix "a.b.c.d/n". */
void ip_print (char *out, size_t size, int family, const void *bytes, int prefix);
/** Non-zero if the guest has no IPv6: such addresses are skipped. */
int ip_v6_is_off (void);

#endif
