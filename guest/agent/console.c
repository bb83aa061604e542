/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console: receives a pseudo terminal over a unix socket; reading and writing it is stream.c's. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mem.h"

#define CONSOLE_TIMEOUT_MS 10000

int
console_listen (const char *path, struct fault *fault)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  auto_fd int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (strlen (path) >= sizeof address.sun_path)
    return fault_set (fault, TTRPC_INTERNAL, "console socket path %s is too long", path);
  memcpy (address.sun_path, path, strlen (path) + 1);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 1) < 0)
    return fault_errno (fault, "cannot listen for the console on %s", path);
  return fd_steal (&fd);
}

static int
wait_for (int fd)
{
  struct pollfd event = { .fd = fd, .events = POLLIN };
  int n;
  while ((n = poll (&event, 1, CONSOLE_TIMEOUT_MS)) < 0 && errno == EINTR)
    ;
  if (n == 0)
    errno = ETIMEDOUT;
  return n > 0 ? 0 : -1;
}

int
console_receive (int listen_fd, struct fault *fault)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  char name[256];
  struct iovec part = { name, sizeof name };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  auto_fd int peer = wait_for (listen_fd) < 0 ? -1 : accept4 (listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (peer < 0 || wait_for (peer) < 0 || recvmsg (peer, &message, MSG_CMSG_CLOEXEC) < 0)
    return fault_errno (fault, "crun has sent no console");
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN (sizeof (int)))
    return fault_set (fault, TTRPC_INTERNAL, "crun has sent a message without a console");
  int fd;
  memcpy (&fd, CMSG_DATA (header), sizeof fd);
  if (fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK) < 0) {
    fault_errno (fault, "console");
    close (fd);
    return -1;
  }
  return fd;
}

int
console_resize (int fd, uint32_t rows, uint32_t columns)
{
  struct winsize size = { .ws_row = (unsigned short) (rows > UINT16_MAX ? UINT16_MAX : rows),
                          .ws_col = (unsigned short) (columns > UINT16_MAX ? UINT16_MAX : columns) };
  return ioctl (fd, TIOCSWINSZ, &size);
}
