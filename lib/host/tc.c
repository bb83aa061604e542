/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tc: the messages of it. */
#include "host/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>

#define INGRESS_HANDLE TC_H_MAKE (0xffff0000u, 0)
#define PRIORITY       1u
/* By which a limit of ours is known. */
#define LIMIT_HANDLE TC_H_MAKE (0x4b410000u, 0)
#define BURST_MIN    16384u
#define QUEUE_MIN    131072u

struct search {
  uint32_t index, parent, handle; /* @handle: 0 = any */
  int found;
};

static int
take_qdisc (void *data, struct nlmsghdr *header)
{
  struct search *search = data;
  const struct tcmsg *tc = nlmsg_data (header);
  if (header->nlmsg_type == RTM_NEWQDISC && nlmsg_valid_hdr (header, sizeof *tc) &&
      (uint32_t) tc->tcm_ifindex == search->index && tc->tcm_parent == search->parent &&
      (search->handle == 0 || tc->tcm_handle == search->handle))
    search->found = 1;
  return 0;
}

static int
has_qdisc (kata_netlink *netlink, struct search search)
{
  struct tcmsg tc = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int) search.index };
  int r = kata_netlink__dump (netlink, kata_netlink__message (RTM_GETQDISC, 0, &tc, sizeof tc), take_qdisc, &search);
  return r < 0 ? r : search.found;
}

int
kata_tc__has_ingress (kata_netlink *netlink, uint32_t index)
{
  return has_qdisc (netlink, (struct search){ .index = index, .parent = TC_H_INGRESS });
}

static struct nl_msg *
qdisc_message (int type, int flags, uint32_t index, bool ingress)
{
  struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                      .tcm_ifindex = (int) index,
                      .tcm_handle = ingress ? INGRESS_HANDLE : LIMIT_HANDLE,
                      .tcm_parent = ingress ? TC_H_INGRESS : TC_H_ROOT };
  struct nl_msg *msg = kata_netlink__message (type, flags, &tc, sizeof tc);
  nla_put_string (msg, TCA_KIND, ingress ? "ingress" : "tbf");
  return msg;
}

int
kata_tc__add_ingress (kata_netlink *netlink, uint32_t index)
{
  return kata_netlink__request (netlink, qdisc_message (RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, true));
}

int
kata_tc__del_ingress (kata_netlink *netlink, uint32_t index)
{
  int r = kata_tc__has_ingress (netlink, index);
  if (r == 1)
    r = kata_netlink__request (netlink, qdisc_message (RTM_DELQDISC, 0, index, true));
  return r == -ENODEV || r == -ENOENT ? 0 : r;
}

/* TCA_MATCHALL_ACT and TCA_U32_ACT alike: a list of actions, of which this is the first. */
static void
put_action (struct nl_msg *msg, int type, uint32_t to)
{
  const struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = to };
  struct nlattr *list = nla_nest_start (msg, type);
  struct nlattr *action = nla_nest_start (msg, 1);
  nla_put_string (msg, TCA_ACT_KIND, "mirred");
  struct nlattr *options = nla_nest_start (msg, TCA_ACT_OPTIONS);
  nla_put (msg, TCA_MIRRED_PARMS, sizeof mirred, &mirred);
  nla_nest_end (msg, options);
  nla_nest_end (msg, action);
  nla_nest_end (msg, list);
}

static struct nl_msg *
filter_message (uint32_t from, const char *kind)
{
  struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                      .tcm_ifindex = (int) from,
                      .tcm_parent = INGRESS_HANDLE,
                      .tcm_info = TC_H_MAKE (PRIORITY << 16, htons (ETH_P_ALL)) };
  struct nl_msg *msg = kata_netlink__message (RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof tc);
  nla_put_string (msg, TCA_KIND, kind);
  return msg;
}

static int
redirect_matchall (kata_netlink *netlink, uint32_t from, uint32_t to)
{
  struct nl_msg *msg = filter_message (from, "matchall");
  struct nlattr *options = nla_nest_start (msg, TCA_OPTIONS);
  put_action (msg, TCA_MATCHALL_ACT, to);
  nla_nest_end (msg, options);
  return kata_netlink__request (netlink, msg);
}

/* One key of mask 0: it matches everything. */
static int
redirect_u32 (kata_netlink *netlink, uint32_t from, uint32_t to)
{
  const struct tc_u32_sel sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
  uint8_t match[sizeof sel + sizeof (struct tc_u32_key)] = { 0 };
  memcpy (match, &sel, sizeof sel);
  struct nl_msg *msg = filter_message (from, "u32");
  struct nlattr *options = nla_nest_start (msg, TCA_OPTIONS);
  nla_put (msg, TCA_U32_SEL, sizeof match, match);
  put_action (msg, TCA_U32_ACT, to);
  nla_nest_end (msg, options);
  return kata_netlink__request (netlink, msg);
}

int
kata_tc__redirect (kata_netlink *netlink, uint32_t from, uint32_t to)
{
  int r = redirect_matchall (netlink, from, to);
  return r == -ENOENT || r == -EOPNOTSUPP ? redirect_u32 (netlink, from, to) : r;
}

/* A tenth of a second at once, a fifth of one that waits; more is dropped, so that a sender slows down. */
int
kata_tc__limit (kata_netlink *netlink, uint32_t index, uint64_t bytes)
{
  const uint32_t burst = (uint32_t) CLAMP (bytes / 10, BURST_MIN, INT32_MAX);
  const struct tc_tbf_qopt parameters = {
    .rate = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = (uint32_t) MIN (bytes, UINT32_MAX) },
    .limit = (uint32_t) CLAMP (bytes / 5, QUEUE_MIN, INT32_MAX),
  };
  struct nl_msg *msg = qdisc_message (RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, false);
  struct nlattr *options = nla_nest_start (msg, TCA_OPTIONS);
  nla_put (msg, TCA_TBF_PARMS, sizeof parameters, &parameters);
  nla_put_u32 (msg, TCA_TBF_BURST, burst);
  if (bytes >= UINT32_MAX)
    nla_put_u64 (msg, TCA_TBF_RATE64, bytes);
  nla_nest_end (msg, options);
  return kata_netlink__request (netlink, msg);
}

int
kata_tc__unlimit (kata_netlink *netlink, uint32_t index)
{
  int r = has_qdisc (netlink, (struct search){ .index = index, .parent = TC_H_ROOT, .handle = LIMIT_HANDLE });
  if (r == 1)
    r = kata_netlink__request (netlink, qdisc_message (RTM_DELQDISC, 0, index, false));
  return r == -ENODEV || r == -ENOENT ? 0 : r;
}
