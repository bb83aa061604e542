/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netlink: libnl does sending, sequence numbers and multi-part answers; the kernel's own errno is kept, which libnl would translate. */
#include "host/netlink.h"

#include <errno.h>

#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/error.h"

struct kata_netlink {
  struct nl_sock *sock;
};

struct exchange {
  int (*take) (void *data, struct nlmsghdr *header);
  void *data;
  int result;
  gboolean done;
};

int
kata_netlink__open (kata_netlink **out, kata_error **err)
{
  struct nl_sock *sock = nl_socket_alloc ();
  int r = sock != NULL ? nl_connect (sock, NETLINK_ROUTE) : -NLE_NOMEM;
  if (r < 0) {
    nl_socket_free (sock);
    return kata_error__set (err, KATA_E_IO, NULL, "netlink: connect: %s", nl_geterror (r));
  }
  *out = g_new0 (kata_netlink, 1);
  (*out)->sock = sock;
  return 0;
}

void
kata_netlink__free (kata_netlink *netlink)
{
  if (netlink == NULL)
    return;
  nl_socket_free (netlink->sock);
  g_free (netlink);
}

struct nl_msg *
kata_netlink__message (int type, int flags, const void *header, size_t len)
{
  struct nl_msg *msg = nlmsg_alloc_simple (type, flags);
  if (msg == NULL || nlmsg_append (msg, (void *) header, len, NLMSG_ALIGNTO) != 0)
    g_error ("no memory for a netlink message"); /* a few hundred bytes, as g_malloc() */
  return msg;
}

static int
on_error (struct sockaddr_nl *from, struct nlmsgerr *error, void *data)
{
  struct exchange *exchange = data;
  exchange->result = error->error;
  exchange->done = TRUE;
  return NL_STOP;
}

static int
on_done (struct nl_msg *msg, void *data)
{
  struct exchange *exchange = data;
  exchange->done = TRUE;
  return NL_STOP;
}

static int
on_message (struct nl_msg *msg, void *data)
{
  struct exchange *exchange = data;
  int r = exchange->take != NULL && exchange->result == 0 ? exchange->take (exchange->data, nlmsg_hdr (msg)) : 0;
  if (r < 0)
    exchange->result = r; /* the rest is read and dropped, so that the socket stays usable */
  return NL_OK;
}

static int
exchange_run (kata_netlink *netlink, struct nl_msg *msg, struct exchange *exchange)
{
  struct nl_cb *cb = nl_cb_alloc (NL_CB_CUSTOM);
  int r = cb != NULL ? nl_send_auto (netlink->sock, msg) : -NLE_NOMEM;
  nlmsg_free (msg);
  if (r >= 0) {
    nl_cb_err (cb, NL_CB_CUSTOM, on_error, exchange);
    nl_cb_set (cb, NL_CB_FINISH, NL_CB_CUSTOM, on_done, exchange);
    nl_cb_set (cb, NL_CB_ACK, NL_CB_CUSTOM, on_done, exchange);
    nl_cb_set (cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, exchange);
    for (r = 0; r >= 0 && !exchange->done;)
      r = nl_recvmsgs (netlink->sock, cb);
  }
  nl_cb_put (cb);
  if (exchange->result != 0)
    return exchange->result;
  if (r == -NLE_DUMP_INTR)
    return -EAGAIN;
  return r >= 0 || exchange->done ? 0 : -EIO;
}

int
kata_netlink__request (kata_netlink *netlink, struct nl_msg *msg)
{
  struct exchange exchange = { 0 };
  return exchange_run (netlink, msg, &exchange);
}

int
kata_netlink__dump (kata_netlink *netlink, struct nl_msg *msg, int (*take) (void *data, struct nlmsghdr *header),
                    void *data)
{
  struct exchange exchange = { .take = take, .data = data };
  nlmsg_hdr (msg)->nlmsg_flags |= NLM_F_DUMP;
  return exchange_run (netlink, msg, &exchange);
}
