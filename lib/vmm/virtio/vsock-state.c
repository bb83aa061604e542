/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-state: what a packet of the guest's does to a connection, and which packet a connection has for the guest. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "vmm/virtio/vsock-device.h"

/** The program that asked for the connection learns that it has it. */
static void
opened (struct vmm_vsock_conn *conn)
{
  char text[32];
  int len = snprintf (text, sizeof text, "OK %u\n", conn->local_port);
  struct iovec iov = { text, (size_t) len };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

  conn->state = VMM_VSOCK_OPEN;
  if (sendmsg (conn->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
    vmm_vsock_conn__kill (conn);
}

static void
request (struct vmm_vsock *vsock, const struct vmm_vsock_packet *packet)
{
  struct vmm_vsock_conn *conn = NULL;
  int fd = vsock->n < vsock->max ? vmm_vsock_host__accept (vsock, packet->dst_port, packet->src_port) : -1;

  if (fd >= 0)
    conn = vmm_vsock_conn__new (vsock, VMM_VSOCK_OPEN, packet->dst_port, packet->src_port, fd);
  if (!conn) {
    kata_fd__close (fd);
    vmm_vsock__refuse (vsock, packet);
    return;
  }
  vmm_vsock_credit__update (conn, packet);
  conn->send |= VMM_VSOCK_SEND_RESPONSE;
  vmm_vsock_conn__schedule (conn);
}

/** Data. False: it is against the rules. */
static bool
data (struct vmm_vsock_conn *conn, const struct vmm_chain *chain, uint32_t len)
{
  struct vmm_vsock *vsock = conn->vsock;
  size_t n_iov;

  if (conn->shut_guest & VMM_VSOCK_SHUT_SEND || len > conn->alloc - (conn->got - conn->forwarded))
    return false;
  if (len == 0)
    return true;
  n_iov = vmm_chain__pieces (chain, false, VMM_VSOCK_HEADER, len, vsock->iov, VMM_CHAIN_MAX);
  if (n_iov == 0)
    return false;
  vmm_vsock_conn__take (conn, vsock->iov, n_iov, len);
  return true;
}

static bool
while_open (struct vmm_vsock_conn *conn, const struct vmm_chain *chain, const struct vmm_vsock_packet *packet)
{
  switch (packet->op) {
  case VMM_VSOCK_OP_RW:
    return data (conn, chain, packet->len);
  case VMM_VSOCK_OP_SHUTDOWN:
    if (packet->flags & VMM_VSOCK_SHUT_BOTH)
      vmm_vsock_conn__guest_shut (conn, packet->flags & VMM_VSOCK_SHUT_BOTH);
    return true;
  case VMM_VSOCK_OP_CREDIT_REQUEST:
    conn->send |= VMM_VSOCK_SEND_CREDIT;
    return true;
  case VMM_VSOCK_OP_CREDIT_UPDATE:
    return true;
  default: /* REQUEST, RESPONSE: it is connected already */
    return false;
  }
}

void
vmm_vsock_state__receive (struct vmm_vsock *vsock, const struct vmm_chain *chain, const struct vmm_vsock_packet *packet)
{
  const char *fault = vmm_vsock_packet__fault (packet, vsock->cid, chain->read_len - VMM_VSOCK_HEADER);
  bool ours = packet->src_cid == vsock->cid && packet->dst_cid == VMM_VSOCK_CID_HOST;
  struct vmm_vsock_conn *conn = ours ? vmm_vsock_table__find (vsock, packet->dst_port, packet->src_port) : NULL;
  bool good = true;

  if (fault)
    vmm_vsock__log (vsock, fault);
  if (!conn) {
    if (!fault && packet->op == VMM_VSOCK_OP_REQUEST)
      request (vsock, packet);
    else if (packet->op != VMM_VSOCK_OP_RST)
      vmm_vsock__refuse (vsock, packet);
    return;
  }
  if (fault) {
    vmm_vsock_conn__kill (conn);
    return;
  }
  if (packet->op == VMM_VSOCK_OP_RST) {
    vmm_vsock_conn__free (conn);
    return;
  }
  vmm_vsock_credit__update (conn, packet);
  if (conn->state == VMM_VSOCK_CONNECTING) {
    good = packet->op == VMM_VSOCK_OP_RESPONSE;
    if (good)
      opened (conn);
  } else if (conn->state == VMM_VSOCK_OPEN) {
    good = while_open (conn, chain, packet);
  }
  if (!good)
    vmm_vsock_conn__kill (conn);
  vmm_vsock_conn__schedule (conn);
  /* What is there already waits in the list, with its watch at rest; a change of state can need another watch. */
  if (conn->state != VMM_VSOCK_DYING)
    vmm_vsock_conn__rewatch (conn);
}

void
vmm_vsock_state__head (struct vmm_vsock_conn *conn, uint16_t op, uint32_t len, uint8_t wire[VMM_VSOCK_HEADER])
{
  struct vmm_vsock_packet packet = {
    .src_cid = VMM_VSOCK_CID_HOST,
    .dst_cid = conn->vsock->cid,
    .src_port = conn->local_port,
    .dst_port = conn->peer_port,
    .len = len,
    .type = VMM_VSOCK_TYPE_STREAM,
    .op = op,
    .flags = op == VMM_VSOCK_OP_SHUTDOWN ? conn->shut_host : 0,
    .buf_alloc = conn->alloc,
    .fwd_cnt = conn->forwarded,
  };

  vmm_vsock_packet__encode (&packet, wire);
  conn->told = conn->forwarded;
  conn->send &= ~VMM_VSOCK_SEND_CREDIT; /* every packet tells it */
}

static uint32_t
write_packet (struct vmm_vsock_conn *conn, const struct vmm_chain *chain, uint16_t op, uint32_t len)
{
  uint8_t wire[VMM_VSOCK_HEADER];

  vmm_vsock_state__head (conn, op, len, wire);
  vmm_chain__write (chain, 0, wire, sizeof wire);
  return VMM_VSOCK_HEADER + len;
}

bool
vmm_vsock_state__has_data (const struct vmm_vsock_conn *conn)
{
  const uint32_t first = VMM_VSOCK_SEND_RST | VMM_VSOCK_SEND_REQUEST | VMM_VSOCK_SEND_RESPONSE;

  return !(conn->send & first) && conn->state == VMM_VSOCK_OPEN && conn->readable &&
         !(conn->shut_host & VMM_VSOCK_SHUT_SEND) && !(conn->shut_guest & VMM_VSOCK_SHUT_RCV);
}

static uint32_t
produce_data (struct vmm_vsock_conn *conn, const struct vmm_chain *chain)
{
  struct vmm_vsock *vsock = conn->vsock;
  uint32_t room = chain->write_len - VMM_VSOCK_HEADER, credit = vmm_vsock_credit__left (conn), n;
  size_t n_iov;

  if (!vmm_vsock_state__has_data (conn))
    return 0;
  room = room < credit ? room : credit;
  room = room < VMM_VSOCK_PAYLOAD_MAX ? room : VMM_VSOCK_PAYLOAD_MAX;
  if (room == 0)
    return 0;
  n_iov = vmm_chain__pieces (chain, true, VMM_VSOCK_HEADER, room, vsock->iov, VMM_CHAIN_MAX);
  n = n_iov ? vmm_vsock_conn__give (conn, vsock->iov, n_iov) : 0;
  if (n == 0)
    return 0;
  conn->sent += n;
  vmm_vsock_conn__learn (conn, 1, n == room ? 1 : 0);
  return write_packet (conn, chain, VMM_VSOCK_OP_RW, n);
}

uint32_t
vmm_vsock_state__produce (struct vmm_vsock_conn *conn, const struct vmm_chain *chain, bool *freed)
{
  static const struct {
    uint32_t bit;
    uint16_t op;
  } words[] = {
    { VMM_VSOCK_SEND_RST, VMM_VSOCK_OP_RST },
    { VMM_VSOCK_SEND_REQUEST, VMM_VSOCK_OP_REQUEST },
    { VMM_VSOCK_SEND_RESPONSE, VMM_VSOCK_OP_RESPONSE },
    { VMM_VSOCK_SEND_SHUTDOWN, VMM_VSOCK_OP_SHUTDOWN },
    { VMM_VSOCK_SEND_CREDIT, VMM_VSOCK_OP_CREDIT_UPDATE },
    { VMM_VSOCK_SEND_ASK, VMM_VSOCK_OP_CREDIT_REQUEST },
  };
  uint32_t written = produce_data (conn, chain);

  *freed = false;
  for (size_t i = 0; written == 0 && i < sizeof words / sizeof *words; i++)
    if (conn->send & words[i].bit) {
      conn->send &= ~words[i].bit;
      written = write_packet (conn, chain, words[i].op, 0);
      if (words[i].bit == VMM_VSOCK_SEND_RST) {
        vmm_vsock_conn__free (conn);
        *freed = true;
        return written;
      }
    }
  vmm_vsock_conn__schedule (conn);
  return written;
}
