/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost-user: two requests of the protocol, with a deadline. A VMM reads the answers with its machine stopped, and so waits for ever for one that lacks. */
#include "host/vhost-user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/pidfd.h"

#define ANSWER_MS 5000
#define RETRY_MS  10

/* Of the protocol (docs/interop/vhost-user.rst of QEMU): a header of three words, here with one of 64 bits behind it. */
#define GET_FEATURES          1u
#define GET_PROTOCOL_FEATURES 15u
#define FLAGS_VERSION         0x3u
#define FLAGS_REPLY           0x4u
#define VERSION               0x1u

#define BLK_READONLY      (UINT64_C (1) << 5)  /* VIRTIO_BLK_F_RO */
#define PROTOCOL_FEATURES (UINT64_C (1) << 30) /* VHOST_USER_F_PROTOCOL_FEATURES */
#define VIRTIO_1          (UINT64_C (1) << 32) /* VIRTIO_F_VERSION_1 */
#define PROTOCOL_CONFIG   (UINT64_C (1) << 9)  /* VHOST_USER_PROTOCOL_F_CONFIG */

struct message {
  uint32_t request, flags, size;
  uint8_t payload[8];
};
#define HEADER_SIZE  offsetof (struct message, payload)
#define MESSAGE_SIZE (HEADER_SIZE + 8)

static int
check_node (struct sockaddr_un *address, const struct kata_vhost_user *s, kata_error **err)
{
  struct stat st;
  *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  if (strnlen (s->socket, sizeof address->sun_path) >= sizeof address->sun_path)
    return kata_error__set (
        err, KATA_E_LIMIT, s->socket,
        "%s: the socket's path \"%.200s\" is longer than the %zu bytes that a socket's address holds; "
        "use a shorter one",
        s->what, s->socket, sizeof address->sun_path - 1);
  strcpy (address->sun_path, s->socket);
  if (lstat (s->socket, &st) != 0)
    return kata_error__errno (err,
                              errno == ENOENT || errno == ENOTDIR ? KATA_E_NOT_FOUND
                              : errno == EACCES                   ? KATA_E_PERMISSION
                                                                  : KATA_E_IO,
                              s->socket, errno, "%s: \"%s\": start the vhost-user server first", s->what, s->socket);
  if (S_ISLNK (st.st_mode))
    return kata_error__set (err, KATA_E_INVALID, s->socket,
                            "%s: \"%s\" is a symbolic link; give the path of the socket itself", s->what, s->socket);
  if (!S_ISSOCK (st.st_mode))
    return kata_error__set (err, KATA_E_INVALID, s->socket,
                            "%s: \"%s\" is not a socket; give the one at which the vhost-user server listens", s->what,
                            s->socket);
  return 0;
}

static int
no_answer (const struct kata_vhost_user *s, const char *how, kata_error **err)
{
  return kata_error__set (
      err, KATA_E_TIMEOUT, s->socket,
      "%s: the vhost-user server at \"%s\" %s in time; it may be busy with another machine, or hang", s->what,
      s->socket, how);
}

/* Non-blocking: a server's full backlog is "not yet". */
static int
open_connection (int *out, const struct kata_vhost_user *s, int64_t deadline_us, kata_error **err)
{
  struct sockaddr_un address;
  int code = check_node (&address, s, err);
  if (code < 0)
    return code;
  kata_auto_fd int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, s->socket, errno, "%s: make a socket", s->what);
  while (connect (fd, (const struct sockaddr *) &address, sizeof address) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT)
      return kata_error__errno (err, KATA_E_NOT_FOUND, s->socket, errno,
                                "%s: nobody listens at \"%s\": start the vhost-user server first", s->what, s->socket);
    if (errno != EAGAIN && errno != EINTR)
      return kata_error__errno (err, errno == EACCES || errno == EPERM ? KATA_E_PERMISSION : KATA_E_IO, s->socket,
                                errno, "%s: connect to \"%s\"", s->what, s->socket);
    if (kata_deadline__now () >= deadline_us)
      return no_answer (s, "takes no connection", err);
    g_usleep (RETRY_MS * 1000);
  }
  *out = kata_fd__steal (&fd);
  return 0;
}

static int
gone (const struct kata_vhost_user *s, int reason, kata_error **err)
{
  return kata_error__errno (err, KATA_E_PROTOCOL, s->socket, reason,
                            "%s: the server at \"%s\" does not speak vhost-user: it closed the connection", s->what,
                            s->socket);
}

/* A whole answer and no more; what is behind it stays unread. */
static int
read_answer (int fd, struct message *m, const struct kata_vhost_user *s, int64_t deadline_us, kata_error **err)
{
  for (size_t got = 0; got < MESSAGE_SIZE;) {
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    ssize_t n = read (fd, (uint8_t *) m + got, MESSAGE_SIZE - got);
    if (n > 0) {
      got += (size_t) n;
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
      return gone (s, n == 0 ? ECONNRESET : errno, err);
    if (kata_deadline__now () >= deadline_us)
      return no_answer (s, "does not answer", err);
    poll (&poller, 1, kata_deadline__poll_ms (deadline_us));
  }
  return 0;
}

static int
ask (uint64_t *value, int fd, uint32_t request, const struct kata_vhost_user *s, int64_t deadline_us, kata_error **err)
{
  struct message m = { .request = request, .flags = VERSION };
  if (send (fd, &m, HEADER_SIZE, MSG_NOSIGNAL) != (ssize_t) HEADER_SIZE)
    return gone (s, errno, err);
  int code = read_answer (fd, &m, s, deadline_us, err);
  if (code < 0)
    return code;
  if (m.request != request || (m.flags & FLAGS_VERSION) != VERSION || (m.flags & FLAGS_REPLY) == 0 ||
      m.size != sizeof m.payload)
    return kata_error__set (err, KATA_E_PROTOCOL, s->socket,
                            "%s: the server at \"%s\" does not speak vhost-user: it answers request %u with %u, flags "
                            "0x%x, %u bytes",
                            s->what, s->socket, request, m.request, m.flags, m.size);
  memcpy (value, m.payload, sizeof *value);
  return 0;
}

/* A disk without a configuration space has no size that a VMM could learn. */
static int
check_block (int fd, uint64_t features, const struct kata_vhost_user *s, int64_t deadline_us, kata_error **err)
{
  uint64_t protocol = 0;
  bool readonly = (features & BLK_READONLY) != 0;
  int code = (features & PROTOCOL_FEATURES) != 0 ? ask (&protocol, fd, GET_PROTOCOL_FEATURES, s, deadline_us, err) : 0;
  if (code < 0)
    return code;
  if ((protocol & PROTOCOL_CONFIG) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, s->socket,
                            "%s: the vhost-user server at \"%s\" tells no configuration, so it is no server of a disk",
                            s->what, s->socket);
  if (readonly && !s->readonly)
    return kata_error__set (err, KATA_E_INVALID, s->socket,
                            "%s: the vhost-user server at \"%s\" takes no writes; add the disk as a read-only one",
                            s->what, s->socket);
  if (!readonly && s->readonly)
    return kata_error__set (
        err, KATA_E_INVALID, s->socket,
        "%s: the vhost-user server at \"%s\" takes writes, and only it can refuse them; let it serve "
        "the disk read-only, or add it as a writable one",
        s->what, s->socket);
  return 0;
}

int
kata_vhost_user__check (const struct kata_vhost_user *s, int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int fd = -1;
  uint64_t features = 0;
  int64_t until = kata_deadline__within (deadline_us, ANSWER_MS);
  int code = open_connection (&fd, s, until, err);
  if (code == 0)
    code = ask (&features, fd, GET_FEATURES, s, until, err);
  if (code < 0)
    return code;
  if ((features & VIRTIO_1) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, s->socket,
                            "%s: the vhost-user server at \"%s\" has devices of before virtio 1 only", s->what,
                            s->socket);
  return s->block ? check_block (fd, features, s, until, err) : 0;
}
