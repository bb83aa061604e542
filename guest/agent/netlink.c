/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netlink: one socket per request, everything bounds-checked both ways. */
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "mem.h"

#define RECEIVE_SIZE 32768

static struct nlmsghdr *
header_of (struct netlink_message *message)
{
  return (struct nlmsghdr *) message->bytes;
}

/* Room for @len bytes at the end, zeroed; NULL if there is none. */
static void *
extend (struct netlink_message *message, size_t len)
{
  struct nlmsghdr *header = header_of (message);
  size_t used = NLMSG_ALIGN (header->nlmsg_len);
  if (message->overflow || len > NETLINK_MESSAGE_MAX - used) {
    message->overflow = 1;
    return NULL;
  }
  memset (message->bytes + used, 0, len);
  header->nlmsg_len = (uint32_t) (used + len);
  return message->bytes + used;
}

void
netlink_begin (struct netlink_message *message, uint16_t type, uint16_t flags, const void *body, size_t body_len)
{
  memset (message, 0, sizeof *message);
  struct nlmsghdr *header = header_of (message);
  header->nlmsg_len = NLMSG_HDRLEN;
  header->nlmsg_type = type;
  header->nlmsg_flags = (uint16_t) (flags | NLM_F_REQUEST);
  header->nlmsg_seq = 1;
  void *place = extend (message, body_len);
  if (place)
    memcpy (place, body, body_len);
}

void
netlink_put (struct netlink_message *message, uint16_t type, const void *data, size_t len)
{
  struct rtattr *attribute = len > NETLINK_MESSAGE_MAX ? NULL : extend (message, RTA_LENGTH (len));
  if (!attribute) {
    message->overflow = 1;
    return;
  }
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short) RTA_LENGTH (len);
  if (len)
    memcpy (RTA_DATA (attribute), data, len);
}

void
netlink_put_u32 (struct netlink_message *message, uint16_t type, uint32_t value)
{
  netlink_put (message, type, &value, sizeof value);
}

size_t
netlink_nest (struct netlink_message *message, uint16_t type)
{
  size_t place = NLMSG_ALIGN (header_of (message)->nlmsg_len);
  netlink_put (message, type, NULL, 0);
  return place;
}

void
netlink_nest_end (struct netlink_message *message, size_t place)
{
  if (message->overflow)
    return;
  struct rtattr *attribute = (struct rtattr *) (message->bytes + place);
  attribute->rta_len = (unsigned short) (header_of (message)->nlmsg_len - place);
}

static int
open_and_send (struct netlink_message *message, int protocol)
{
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  struct timeval limit = { .tv_sec = 10 };
  if (message->overflow)
    return -EMSGSIZE;
  auto_fd int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
    return -errno;
  if (sendto (fd, message->bytes, header_of (message)->nlmsg_len, 0, (struct sockaddr *) &kernel, sizeof kernel) < 0)
    return -errno;
  return fd_steal (&fd);
}

/* Returns 1 to go on, 0 at the end, -errno. */
static int
take_answers (const char *bytes, size_t len, uint16_t type, netlink_fn fn, void *user)
{
  const struct nlmsghdr *header = (const struct nlmsghdr *) bytes;
  for (; NLMSG_OK (header, len); header = NLMSG_NEXT (header, len)) {
    size_t body_len = header->nlmsg_len - NLMSG_HDRLEN;
    if (header->nlmsg_type == NLMSG_DONE)
      return 0;
    if (header->nlmsg_type == NLMSG_ERROR)
      return body_len < sizeof (int) ? -EBADMSG : *(const int *) NLMSG_DATA (header);
    if (fn && header->nlmsg_type == type && fn (user, NLMSG_DATA (header), body_len))
      return 0;
  }
  return 1;
}

static int
exchange (struct netlink_message *message, int protocol, uint16_t type, netlink_fn fn, void *user)
{
  auto_free char *buffer = malloc (RECEIVE_SIZE);
  auto_fd int fd = open_and_send (message, protocol);
  if (fd < 0 || !buffer)
    return fd < 0 ? fd : -ENOMEM;
  for (;;) {
    ssize_t n = recv (fd, buffer, RECEIVE_SIZE, MSG_TRUNC);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (n > RECEIVE_SIZE)
      return -EMSGSIZE;
    int result = take_answers (buffer, (size_t) n, type, fn, user);
    if (result <= 0)
      return result;
  }
}

int
netlink_request (struct netlink_message *message)
{
  header_of (message)->nlmsg_flags |= NLM_F_ACK;
  return exchange (message, NETLINK_ROUTE, 0, NULL, NULL);
}

int
netlink_dump (struct netlink_message *message, uint16_t type, netlink_fn fn, void *user)
{
  header_of (message)->nlmsg_flags |= NLM_F_DUMP;
  return exchange (message, NETLINK_ROUTE, type, fn, user);
}

int
netlink_ask_generic (struct netlink_message *message, uint16_t type, netlink_fn fn, void *user)
{
  header_of (message)->nlmsg_flags |= NLM_F_ACK; /* what comes after the answers */
  return exchange (message, NETLINK_GENERIC, type, fn, user);
}

void
netlink_attributes (const struct rtattr *table[NETLINK_ATTRS_MAX], const void *body, size_t len, size_t fixed)
{
  memset (table, 0, NETLINK_ATTRS_MAX * sizeof *table);
  if (len < NLMSG_ALIGN (fixed))
    return;
  const struct rtattr *at = (const struct rtattr *) ((const char *) body + NLMSG_ALIGN (fixed));
  size_t left = len - NLMSG_ALIGN (fixed);
  for (; RTA_OK (at, left); at = RTA_NEXT (at, left))
    if ((at->rta_type & NLA_TYPE_MASK) < NETLINK_ATTRS_MAX)
      table[at->rta_type & NLA_TYPE_MASK] = at;
}

const void *
netlink_data (const struct rtattr *attribute, size_t len)
{
  return attribute && RTA_PAYLOAD (attribute) >= len ? RTA_DATA (attribute) : NULL;
}

uint32_t
netlink_u32 (const struct rtattr *attribute, uint32_t fallback)
{
  uint32_t value = fallback;
  const void *data = netlink_data (attribute, sizeof value);
  if (data)
    memcpy (&value, data, sizeof value);
  return value;
}
