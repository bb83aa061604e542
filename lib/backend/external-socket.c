/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-socket: unix sockets in the sandbox's directory, and the stream made of one. */
#include "backend/external.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"

/* Many processes talk to one VM; a full backlog makes them try again. */
#define LISTEN_BACKLOG 64

/* sun_path holds 108 bytes; a state directory may be deeper. Through the descriptor it always fits, and no parent can be swapped under us. */
static int
address (struct sockaddr_un *addr, int dir_fd, const char *name, kata_error **err)
{
  *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
  int n = snprintf (addr->sun_path, sizeof addr->sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
  if (n < 0 || (size_t) n >= sizeof addr->sun_path || strchr (name, '/') != NULL)
    return kata_error__set (err, KATA_E_INVALID, name, "socket %s: not a name that fits", name);
  return 0;
}

int
kata_external__listen (int *out, int dir_fd, const char *name, int type, kata_error **err)
{
  struct sockaddr_un addr;
  int code = address (&addr, dir_fd, name, err);
  if (code < 0)
    return code;
  kata_auto_fd int fd = socket (AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind (fd, (struct sockaddr *) &addr, sizeof addr) < 0 || listen (fd, LISTEN_BACKLOG) < 0)
    return kata_error__errno (err, KATA_E_IO, name, errno, "socket %s: listen", name);
  *out = kata_fd__steal (&fd);
  return 0;
}

/* Whoever gave a socket a name in a directory that only we can write to was us: a jailed VMM listens as a user of its own. */
static bool
put_by_us (int dir_fd, uid_t owner, uid_t peer)
{
  struct stat st;
  return owner == peer && fstat (dir_fd, &st) == 0 && st.st_uid == geteuid () && (st.st_mode & 022) == 0;
}

static int
check_peer (int fd, int dir_fd, uid_t owner, const char *name, kata_error **err)
{
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
    return kata_error__errno (err, KATA_E_IO, name, errno, "socket %s: who is there", name);
  if (peer.uid != geteuid () && peer.uid != 0 && !put_by_us (dir_fd, owner, peer.uid))
    return kata_error__set (err, KATA_E_PERMISSION, name, "socket %s: another user (%u) listens there", name, peer.uid);
  return 0;
}

int
kata_external__connect (int *out, int dir_fd, const char *name, int type, kata_error **err)
{
  struct sockaddr_un addr;
  struct stat st;
  int code = address (&addr, dir_fd, name, err);
  if (code < 0)
    return code;
  if (fstatat (dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return kata_error__errno (err, errno == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, name, errno, "socket %s", name);
  if (!S_ISSOCK (st.st_mode))
    return kata_error__set (err, KATA_E_PERMISSION, name, "%s is not a socket: somebody has replaced it", name);
  /* Non-blocking: a full backlog is "not yet", never a hang. */
  kata_auto_fd int fd = socket (AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, name, errno, "socket %s", name);
  if (connect (fd, (struct sockaddr *) &addr, sizeof addr) < 0) {
    bool later = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
    return kata_error__errno (err, later ? KATA_E_NOT_FOUND : KATA_E_IO, name, errno, "socket %s: connect", name);
  }
  code = check_peer (fd, dir_fd, st.st_uid, name, err);
  if (code == 0)
    *out = kata_fd__steal (&fd);
  return code;
}

bool
kata_external__pause (int pidfd, int ms, int64_t deadline_us)
{
  struct pollfd poller = { .fd = pidfd, .events = POLLIN };
  int64_t until = kata_deadline__within (deadline_us, ms);
  poll (&poller, pidfd >= 0 ? 1 : 0, kata_deadline__poll_ms (until));
  return kata_deadline__now () < deadline_us;
}

int
kata_external__connect_wait (int *out, int dir_fd, const char *name, int pidfd, int64_t deadline_us, kata_error **err)
{
  for (;;) {
    g_autoptr (kata_error) last = NULL;
    bool ended = pidfd >= 0 && kata_pidfd__ended (pidfd);
    int code = kata_external__connect (out, dir_fd, name, SOCK_STREAM, &last);
    if (code != KATA_E_NOT_FOUND)
      return code == 0 ? 0 : kata_error__propagate (err, g_steal_pointer (&last));
    if (ended)
      return kata_error__set (err, KATA_E_VMM, name, "socket %s: the program behind it has ended", name);
    if (!kata_external__pause (pidfd, 3, deadline_us))
      return kata_error__set (err, KATA_E_TIMEOUT, name, "socket %s: nobody listens there in time", name);
  }
}

ssize_t
kata_external__send (int fd, const char *data, size_t len, const int *fds, size_t n_fds)
{
  union {
    struct cmsghdr align;
    char space[CMSG_SPACE (sizeof (int) * KATA_EXTERNAL_FDS_MAX)];
  } control = { 0 };
  struct iovec iov = { (void *) data, len };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
  if (n_fds > 0) {
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE (sizeof (int) * n_fds);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR (&message);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN (sizeof (int) * n_fds);
    memcpy (CMSG_DATA (cmsg), fds, sizeof (int) * n_fds);
  }
  return sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- a stream over a socket ---- */

struct socket_stream {
  int fd, lock_fd;
};

static int64_t
stream_read (void *ctx, void *buf, size_t len)
{
  struct socket_stream *s = ctx;
  ssize_t n;
  do
    n = recv (s->fd, buf, len, 0);
  while (n < 0 && errno == EINTR);
  return n;
}

static int64_t
stream_write (void *ctx, const void *buf, size_t len)
{
  struct socket_stream *s = ctx;
  ssize_t n;
  do
    n = send (s->fd, buf, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n;
}

static void
stream_shutdown (void *ctx)
{
  struct socket_stream *s = ctx;
  shutdown (s->fd, SHUT_RDWR);
}

static void
stream_close (void *ctx)
{
  struct socket_stream *s = ctx;
  kata_fd__close (s->fd);
  kata_fd__close (s->lock_fd);
  g_free (s);
}

void
kata_external__stream (kata_stream *out, int fd, int lock_fd)
{
  struct socket_stream *s = g_new (struct socket_stream, 1);
  s->fd = fd;
  s->lock_fd = lock_fd;
  int flags = fcntl (fd, F_GETFL);
  fcntl (fd, F_SETFL, flags & ~O_NONBLOCK);
  *out = (kata_stream){ s, stream_read, stream_write, stream_shutdown, stream_close };
}
