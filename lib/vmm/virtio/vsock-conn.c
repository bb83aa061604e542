/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-conn: a connection's life and its socket on the host; what packets mean is vsock-state.c's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "vmm/virtio/vsock-device.h"

static void
drop_buffer (struct vmm_vsock_conn *conn)
{
  free (conn->buffer);
  conn->buffer = NULL;
  conn->start = conn->held = 0;
}

static void
close_socket (struct vmm_vsock_conn *conn)
{
  vmm_watch__free (conn->watch);
  conn->watch = NULL;
  kata_fd__closep (&conn->fd);
  conn->readable = false;
  /* The guest's credit goes on: what it still sends is thrown away. */
  if (conn->held)
    vmm_vsock_credit__forwarded (conn, conn->held);
  drop_buffer (conn);
}

void
vmm_vsock_conn__free (struct vmm_vsock_conn *conn)
{
  struct vmm_vsock *vsock = conn->vsock;

  close_socket (conn);
  if (conn->state != VMM_VSOCK_LINGERING)
    vmm_vsock_table__remove (vsock, conn);
  vmm_list__remove (&conn->all);
  vmm_list__remove (&conn->ready);
  vmm_vsock_credit__give_back (vsock, conn->alloc);
  vsock->n--;
  free (conn);
}

void
vmm_vsock_conn__kill (struct vmm_vsock_conn *conn)
{
  close_socket (conn);
  conn->state = VMM_VSOCK_DYING;
  conn->send = VMM_VSOCK_SEND_RST;
  vmm_vsock_conn__schedule (conn);
}

/** The program on the host has gone, both ways. */
static void
host_gone (struct vmm_vsock_conn *conn)
{
  conn->shut_host = VMM_VSOCK_SHUT_BOTH;
  conn->send |= VMM_VSOCK_SEND_SHUTDOWN;
  close_socket (conn);
}

/** It reads no more; what it has written is still to be had. */
static void
host_deaf (struct vmm_vsock_conn *conn)
{
  conn->shut_host |= VMM_VSOCK_SHUT_RCV;
  conn->send |= VMM_VSOCK_SEND_SHUTDOWN;
  if (conn->held)
    vmm_vsock_credit__forwarded (conn, conn->held);
  drop_buffer (conn);
  if (conn->shut_host == VMM_VSOCK_SHUT_BOTH)
    close_socket (conn);
}

/** Bytes that the socket took, 0 when it is full, negative when nobody reads any more. */
static ssize_t
send_some (int fd, struct iovec *iov, size_t n_iov)
{
  struct msghdr message = { .msg_iov = iov, .msg_iovlen = n_iov };
  ssize_t n = sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;
  return n;
}

/** False: it was freed, as it only lingered. */
static bool
flush (struct vmm_vsock_conn *conn)
{
  uint32_t first = conn->alloc - conn->start < conn->held ? conn->alloc - conn->start : conn->held;
  struct iovec iov[2] = { { conn->buffer + conn->start, first }, { conn->buffer, conn->held - first } };
  ssize_t n = conn->held ? send_some (conn->fd, iov, iov[1].iov_len ? 2 : 1) : 0;

  if (n < 0) {
    host_deaf (conn);
  } else if (n > 0) {
    conn->start = (conn->start + (uint32_t) n) % conn->alloc;
    conn->held -= (uint32_t) n;
    vmm_vsock_credit__forwarded (conn, (uint32_t) n);
  }
  if (conn->held == 0) {
    drop_buffer (conn);
    if (conn->state == VMM_VSOCK_LINGERING) {
      vmm_vsock_conn__free (conn);
      return false;
    }
    if (conn->fd >= 0 && conn->shut_guest & VMM_VSOCK_SHUT_SEND)
      shutdown (conn->fd, SHUT_WR);
  }
  return true;
}

static void
socket_ready (void *ctx, uint32_t events)
{
  struct vmm_vsock_conn *conn = ctx;
  struct vmm_vsock *vsock = conn->vsock;

  if (vsock->paused) {
    vmm_vsock_conn__rewatch (conn);
    return;
  }
  if (events & (EPOLLHUP | EPOLLERR))
    conn->hung_up = true;
  if ((conn->held || conn->state == VMM_VSOCK_LINGERING) && !flush (conn))
    return;
  if (conn->state == VMM_VSOCK_LINGERING) {
    vmm_vsock_conn__rewatch (conn);
    return;
  }
  if (events & EPOLLIN)
    conn->readable = true;
  if (conn->hung_up && conn->state == VMM_VSOCK_CONNECTING)
    vmm_vsock_conn__kill (conn);
  else if (conn->hung_up && conn->state == VMM_VSOCK_OPEN) {
    if (conn->shut_host & VMM_VSOCK_SHUT_SEND || conn->shut_guest & VMM_VSOCK_SHUT_RCV)
      host_gone (conn);
    else
      conn->readable = conn->fd >= 0; /* what it wrote before it went comes first */
  }
  vmm_vsock_conn__schedule (conn);
  /* Those in the list are seen to by the pump. */
  if (!vsock->running || vmm_list__empty (&conn->ready))
    vmm_vsock_conn__rewatch (conn);
  vmm_vsock__pump (vsock);
}

struct vmm_vsock_conn *
vmm_vsock_conn__new (struct vmm_vsock *vsock, enum vmm_vsock_state state, uint32_t local_port, uint32_t peer_port,
                     int fd)
{
  struct vmm_vsock_conn *conn = vsock->n < vsock->max ? calloc (1, sizeof *conn) : NULL;

  if (!conn)
    return NULL;
  conn->watched = state == VMM_VSOCK_CONNECTING ? EPOLLHUP : EPOLLIN;
  if (vmm_watch__new (&conn->watch, vsock->base->env->loop, fd, conn->watched, socket_ready, conn, NULL) < 0) {
    free (conn);
    return NULL;
  }
  conn->vsock = vsock;
  conn->state = state;
  conn->local_port = local_port;
  conn->peer_port = peer_port;
  conn->fd = fd;
  conn->alloc = vmm_vsock_credit__promise (vsock);
  vmm_list__init (&conn->ready);
  vmm_list__append (&vsock->all, &conn->all);
  vmm_vsock_table__add (vsock, conn);
  vsock->n++;
  return conn;
}

void
vmm_vsock_conn__schedule (struct vmm_vsock_conn *conn)
{
  bool data = conn->state == VMM_VSOCK_OPEN && conn->readable && !(conn->shut_host & VMM_VSOCK_SHUT_SEND) &&
              !(conn->shut_guest & VMM_VSOCK_SHUT_RCV);
  bool work;

  if (data && vmm_vsock_credit__left (conn) == 0) {
    data = false;
    vmm_vsock_credit__ask (conn);
  }
  work = conn->state != VMM_VSOCK_LINGERING && (data || conn->send);
  if (work && vmm_list__empty (&conn->ready))
    vmm_list__append (&conn->vsock->ready, &conn->ready);
  else if (!work)
    vmm_list__remove (&conn->ready);
}

static uint32_t
events_wanted (const struct vmm_vsock_conn *conn)
{
  uint32_t out = conn->held ? (uint32_t) EPOLLOUT : 0;

  if (conn->vsock->paused)
    return 0;
  if (conn->state == VMM_VSOCK_LINGERING)
    return EPOLLOUT;
  if (!conn->vsock->running || conn->state == VMM_VSOCK_DYING)
    return 0;
  if (conn->state == VMM_VSOCK_CONNECTING)
    return EPOLLHUP;
  if (conn->readable)
    return out; /* and no more until the guest has taken what is there */
  if (conn->shut_host & VMM_VSOCK_SHUT_SEND || conn->shut_guest & VMM_VSOCK_SHUT_RCV)
    return out | EPOLLHUP;
  return out | EPOLLIN;
}

void
vmm_vsock_conn__rewatch (struct vmm_vsock_conn *conn)
{
  uint32_t events = events_wanted (conn);

  if (!conn->watch || events == conn->watched)
    return;
  conn->watched = events;
  vmm_watch__set (conn->watch, events);
}

/** Keep what is behind the first @skip bytes of @iov. False: no memory. */
static bool
store (struct vmm_vsock_conn *conn, const struct iovec *iov, size_t n_iov, size_t skip)
{
  if (!conn->buffer)
    conn->buffer = malloc (conn->alloc);
  if (!conn->buffer)
    return false;
  for (size_t i = 0; i < n_iov; i++) {
    const uint8_t *from = iov[i].iov_base;
    size_t len = iov[i].iov_len, cut = skip < len ? skip : len;

    skip -= cut;
    for (from += cut, len -= cut; len > 0;) {
      uint32_t end = (conn->start + conn->held) % conn->alloc;
      size_t piece = conn->alloc - end < len ? conn->alloc - end : len;

      memcpy (conn->buffer + end, from, piece);
      conn->held += (uint32_t) piece;
      from += piece;
      len -= piece;
    }
  }
  return true;
}

void
vmm_vsock_conn__take (struct vmm_vsock_conn *conn, const struct iovec *iov, size_t n_iov, uint32_t len)
{
  ssize_t done = 0;

  conn->got += len;
  if (conn->fd < 0 || conn->shut_host & VMM_VSOCK_SHUT_RCV) {
    vmm_vsock_credit__forwarded (conn, len);
    return;
  }
  if (conn->held == 0)
    done = send_some (conn->fd, (struct iovec *) iov, n_iov);
  if (done < 0) {
    vmm_vsock_credit__forwarded (conn, len);
    host_deaf (conn);
    return;
  }
  if (done > 0)
    vmm_vsock_credit__forwarded (conn, (uint32_t) done);
  if ((size_t) done < len) {
    if (!store (conn, iov, n_iov, (size_t) done))
      vmm_vsock_conn__kill (conn);
    vmm_vsock_conn__rewatch (conn);
  }
}

void
vmm_vsock_conn__learn (struct vmm_vsock_conn *conn, unsigned taken, unsigned used)
{
  /* Slowly less: a program's large writes come in pieces. */
  if (used < taken)
    conn->burst = used > taken / 2 ? used : taken / 2;
  else
    conn->burst = taken * 2 < VMM_VSOCK_BATCH_MAX ? taken * 2 : VMM_VSOCK_BATCH_MAX;
}

uint32_t
vmm_vsock_conn__give (struct vmm_vsock_conn *conn, struct iovec *iov, size_t n_iov)
{
  struct msghdr message = { .msg_iov = iov, .msg_iovlen = n_iov };
  size_t room = 0;
  ssize_t n;

  for (size_t i = 0; i < n_iov; i++)
    room += iov[i].iov_len;
  /* No room for control data: descriptors that a program sends along are dropped by the kernel. */
  n = recvmsg (conn->fd, &message, MSG_DONTWAIT);
  if (n > 0) {
    if ((size_t) n < room)
      conn->readable = false; /* most likely all; if not, the watch says so */
    return (uint32_t) n;
  }
  conn->readable = false;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;
  conn->shut_host |= VMM_VSOCK_SHUT_SEND;
  conn->send |= VMM_VSOCK_SEND_SHUTDOWN;
  if (n < 0 || conn->hung_up || conn->shut_host == VMM_VSOCK_SHUT_BOTH)
    host_gone (conn);
  return 0;
}

/** The guest is done with it and may take its ports for another one; the host's program gets the rest at its own pace. */
static void
linger (struct vmm_vsock_conn *conn)
{
  struct vmm_vsock *vsock = conn->vsock;
  struct vmm_vsock_packet last = { .src_cid = vsock->cid,
                                   .dst_cid = VMM_VSOCK_CID_HOST,
                                   .src_port = conn->peer_port,
                                   .dst_port = conn->local_port,
                                   .type = VMM_VSOCK_TYPE_STREAM };

  vmm_vsock__refuse (vsock, &last);
  vmm_vsock_table__remove (vsock, conn);
  conn->state = VMM_VSOCK_LINGERING;
  conn->send = 0;
  shutdown (conn->fd, SHUT_RD);
  vmm_vsock_conn__schedule (conn);
  vmm_vsock_conn__rewatch (conn);
}

void
vmm_vsock_conn__guest_shut (struct vmm_vsock_conn *conn, uint32_t flags)
{
  uint32_t fresh = flags & ~conn->shut_guest;

  conn->shut_guest |= flags;
  if (conn->shut_guest == VMM_VSOCK_SHUT_BOTH) {
    if (conn->held)
      linger (conn);
    else
      vmm_vsock_conn__kill (conn); /* RST is the answer that closes in order */
    return;
  }
  if (conn->fd < 0)
    return;
  if (fresh & VMM_VSOCK_SHUT_SEND && conn->held == 0)
    shutdown (conn->fd, SHUT_WR);
  if (fresh & VMM_VSOCK_SHUT_RCV) {
    shutdown (conn->fd, SHUT_RD);
    conn->readable = false;
  }
}
