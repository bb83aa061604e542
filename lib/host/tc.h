/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tc: ingress qdiscs and filters that send what one interface receives out of another, and a limit of what it sends; no more of traffic control. */
#ifndef KATA_HOST_TC_H
#define KATA_HOST_TC_H

#include <stdint.h>

#include "host/netlink.h"

/* All: 0 or -errno. */

/** 1 when there is one (or a clsact, which takes its place), 0 when not. */
int kata_tc__has_ingress (kata_netlink *netlink, uint32_t index);
int kata_tc__add_ingress (kata_netlink *netlink, uint32_t index);
/** With its filters; none there is no error, nor is an interface that is gone. */
int kata_tc__del_ingress (kata_netlink *netlink, uint32_t index);
/** All that @from receives leaves by @to. @from needs an ingress qdisc. By matchall, or u32 where the kernel lacks that. */
int kata_tc__redirect (kata_netlink *netlink, uint32_t from, uint32_t to);

/** What leaves by it is at most so many bytes a second: a token bucket at its root. -EEXIST: somebody else's is there. */
int kata_tc__limit (kata_netlink *netlink, uint32_t index, uint64_t bytes);
/** Removes that, and only that; none there is no error, nor is an interface that is gone. */
int kata_tc__unlimit (kata_netlink *netlink, uint32_t index);

#endif
