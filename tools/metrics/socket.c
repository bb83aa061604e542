/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socket: the unix socket in a private directory that a sandbox is asked through: made, found, connected to. */
#include "metrics/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static int
close_failed (int fd)
{
  int saved = errno;
  if (fd >= 0)
    close (fd);
  errno = saved;
  return -1;
}

int
metrics_socket_listen (int directory_fd)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  /* Whatever the directory's path is, this one is short enough. */
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" METRICS_SOCKET, directory_fd);
  unlinkat (directory_fd, METRICS_SOCKET, 0);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* The mode is that of the descriptor: the umask belongs to all threads. */
  if (fd < 0 || fchmod (fd, 0600) < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 ||
      listen (fd, BACKLOG) < 0)
    return close_failed (fd);
  return fd;
}

gboolean
metrics_socket_is_ours (int fd)
{
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == geteuid ());
}

int
metrics_socket_connect (int directory_fd)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct stat st;
  int node = openat (directory_fd, METRICS_SOCKET, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (node < 0)
    return -1;
  if (fstat (node, &st) < 0 || !S_ISSOCK (st.st_mode)) {
    errno = ENOTSOCK;
    return close_failed (node);
  }
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", node);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int rc = fd < 0 ? -1 : connect (fd, (struct sockaddr *) &address, sizeof address);
  close_failed (node);
  if (rc < 0)
    return close_failed (fd);
  if (!metrics_socket_is_ours (fd)) {
    errno = EPERM;
    return close_failed (fd);
  }
  return fd;
}

int
metrics_socket_folder (int directory_fd, const char *name)
{
  struct stat st;
  int fd = openat (directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return -1;
  if (fstat (fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid ()) && (st.st_mode & 077) == 0)
    return fd;
  errno = EPERM;
  return close_failed (fd);
}
