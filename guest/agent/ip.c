/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ip: text to address and back. */
#include "ip.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"

int
ip_parse (struct ip *out, const char *text)
{
  char address[64];
  const char *slash = strchr (text, '/');
  size_t len = slash ? (size_t) (slash - text) : strlen (text);
  char *end;
  if (len >= sizeof address)
    return -1;
  memcpy (address, text, len);
  address[len] = 0;
  memset (out, 0, sizeof *out);
  out->family = strchr (address, ':') ? AF_INET6 : AF_INET;
  if (inet_pton (out->family, address, out->bytes) != 1)
    return -1;
  unsigned long max = ip_size (out) * 8, prefix = max;
  if (slash) {
    prefix = strtoul (slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end || prefix > max)
      return -1;
  }
  out->prefix = (uint8_t) prefix;
  return 0;
}

size_t
ip_size (const struct ip *ip)
{
  return ip->family == AF_INET6 ? 16 : 4;
}

void
ip_print (char *out, size_t size, int family, const void *bytes, int prefix)
{
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop (family, bytes, text, sizeof text);
  if (prefix >= 0)
    snprintf (out, size, "%s/%d", text, prefix);
  else
    snprintf (out, size, "%s", text);
}

int
ip_v6_is_off (void)
{
  return file_read_number ("/proc/sys/net/ipv6/conf/all/disable_ipv6", 1) != 0;
}
