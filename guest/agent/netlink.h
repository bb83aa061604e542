/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netlink: requests and dumps over rtnetlink and generic netlink; knows bytes and attributes, no interface or route. */
#ifndef AGENT_NETLINK_H
#define AGENT_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define NETLINK_MESSAGE_MAX 1024
#define NETLINK_ATTRS_MAX   64

struct netlink_message {
  _Alignas(8) char bytes[NETLINK_MESSAGE_MAX];
  int overflow;
};

/** Starts a message; @body (@body_len bytes) is the fixed part. */
void netlink_begin (struct netlink_message *message, uint16_t type, uint16_t flags, const void *body, size_t body_len);
void netlink_put (struct netlink_message *message, uint16_t type, const void *data, size_t len);
void netlink_put_u32 (struct netlink_message *message, uint16_t type, uint32_t value);
/** A nested attribute: returns its place for netlink_nest_end(). */
size_t netlink_nest (struct netlink_message *message, uint16_t type);
void netlink_nest_end (struct netlink_message *message, size_t place);

/** Sends and waits for the acknowledgement. 0 or -errno. */
int netlink_request (struct netlink_message *message);
/** Calls @fn for every answer of @type; a non-zero result ends it. 0 or -errno. */
typedef int (*netlink_fn) (void *user, const void *body, size_t len);
int netlink_dump (struct netlink_message *message, uint16_t type, netlink_fn fn, void *user);
/** One question to generic netlink, with its answers of @type. 0 or -errno. */
int netlink_ask_generic (struct netlink_message *message, uint16_t type, netlink_fn fn, void *user);

/** Attributes by number; those that do not fit in @len or are too large a number are left out. */
void netlink_attributes (const struct rtattr *table[NETLINK_ATTRS_MAX], const void *body, size_t len, size_t fixed);
/** The payload if it has at least @len bytes, else NULL. */
const void *netlink_data (const struct rtattr *attribute, size_t len);
uint32_t netlink_u32 (const struct rtattr *attribute, uint32_t fallback);

#endif
