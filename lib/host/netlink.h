/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netlink: one request or dump at a time to the kernel's rtnetlink, over libnl; it knows no message. */
#ifndef KATA_HOST_NETLINK_H
#define KATA_HOST_NETLINK_H

#include <glib.h>
#include <netlink/msg.h>

#include <kata/error.h>

typedef struct kata_netlink kata_netlink;

/** Speaks to the network namespace of the calling thread, also when the thread changes it later. KATA_E_IO. */
int kata_netlink__open (kata_netlink **out, kata_error **err);
void kata_netlink__free (kata_netlink *netlink); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_netlink, kata_netlink__free)

/** A message with its fixed header, to be filled by nla_put() and handed to one of those below. */
struct nl_msg *kata_netlink__message (int type, int flags, const void *header, size_t len);
/** Takes @msg; 0 or the kernel's -errno. */
int kata_netlink__request (kata_netlink *netlink, struct nl_msg *msg);
/** Takes @msg; @take is called for each answer and ends the dump with a negative number, which is then returned. -EAGAIN: what is listed has
 * changed meanwhile, try again. */
int kata_netlink__dump (kata_netlink *netlink, struct nl_msg *msg, int (*take) (void *data, struct nlmsghdr *header),
                        void *data);

#endif
