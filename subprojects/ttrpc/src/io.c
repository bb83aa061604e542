/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A ttrpc_io over a connected socket; no other kind of descriptor. */
#include "ttrpc/ttrpc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct socket_io {
  int fd;
};

/* A caller may have left the socket non-blocking; then the wait happens here. shutdown() ends it. */
static void
wait_for (int fd, short events)
{
  struct pollfd p = { .fd = fd, .events = events };
  (void) poll (&p, 1, -1);
}

static int64_t
socket_read (void *ctx, void *buf, size_t len)
{
  struct socket_io *s = ctx;
  for (;;) {
    ssize_t n = recv (s->fd, buf, len, 0);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN))
      return n;
    if (errno == EAGAIN)
      wait_for (s->fd, POLLIN);
  }
}

static int64_t
socket_write (void *ctx, const void *buf, size_t len)
{
  struct socket_io *s = ctx;
  for (;;) {
    ssize_t n = send (s->fd, buf, len, MSG_NOSIGNAL);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN))
      return n;
    if (errno == EAGAIN)
      wait_for (s->fd, POLLOUT);
  }
}

static void
socket_shutdown (void *ctx)
{
  struct socket_io *s = ctx;
  (void) shutdown (s->fd, SHUT_RDWR);
}

static void
socket_close (void *ctx)
{
  struct socket_io *s = ctx;
  (void) close (s->fd);
  free (s);
}

int
ttrpc_io_from_fd (struct ttrpc_io *io, int fd)
{
  int type;
  socklen_t len = sizeof type;
  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM) {
    int error = errno == EBADF ? EBADF : ENOTSOCK;
    if (error != EBADF)
      (void) close (fd);
    return -error;
  }
  struct socket_io *s = malloc (sizeof *s);
  if (s == NULL) {
    (void) close (fd);
    return -ENOMEM;
  }
  s->fd = fd;
  *io = (struct ttrpc_io){ s, socket_read, socket_write, socket_shutdown, socket_close };
  return 0;
}
