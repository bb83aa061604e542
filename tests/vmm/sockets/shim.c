/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shim: lets a program that speaks AF_VSOCK run on a host whose guest is behind lib/vmm's unix socket; for LD_PRELOAD, in tests only. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 1024

static unsigned
    ports[FDS_MAX]; /* of descriptors that the program takes for vsock sockets; 0 = not bound, or another kind */

#define REAL(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

static int
is_vsock (const struct sockaddr *address)
{
  return address != NULL && address->sa_family == AF_VSOCK;
}

static unsigned
port_of (const struct sockaddr *address)
{
  struct sockaddr_vm vm;
  memcpy (&vm, address, sizeof vm);
  return vm.svm_port;
}

/* Says "WORD port" on @fd and wants a line that begins with OK. */
static int
say (int fd, const char *word, unsigned port)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  char line[64] = "";
  size_t n = 0;

  snprintf (address.sun_path, sizeof address.sun_path, "%s", getenv ("VSOCK_SHIM"));
  if (REAL (connect) (fd, (struct sockaddr *) &address, sizeof address) < 0)
    return -1;
  snprintf (line, sizeof line, "%s %u\n", word, port);
  if (send (fd, line, strlen (line), MSG_NOSIGNAL) < 0)
    return -1;
  while (n < sizeof line - 1 && recv (fd, line + n, 1, 0) == 1 && line[n] != '\n')
    n++;
  if (n < 3 || strncmp (line, "OK ", 3) != 0) {
    errno = ECONNRESET;
    return -1;
  }
  return 0;
}

int
socket (int domain, int type, int protocol)
{
  if (domain != AF_VSOCK)
    return REAL (socket) (domain, type, protocol);
  if ((type & 0xf) != SOCK_STREAM) {
    errno = ESOCKTNOSUPPORT;
    return -1;
  }
  int fd = REAL (socket) (AF_UNIX, type, 0);
  if (fd >= 0 && fd < FDS_MAX)
    ports[fd] = 0;
  return fd;
}

int
bind (int fd, const struct sockaddr *address, socklen_t len)
{
  if (!is_vsock (address))
    return REAL (bind) (fd, address, len);
  if (fd >= 0 && fd < FDS_MAX)
    ports[fd] = port_of (address);
  return 0;
}

int
connect (int fd, const struct sockaddr *address, socklen_t len)
{
  return is_vsock (address) ? say (fd, "CONNECT", port_of (address)) : REAL (connect) (fd, address, len);
}

int
listen (int fd, int backlog)
{
  int result = -1;

  if (fd < 0 || fd >= FDS_MAX || ports[fd] == 0)
    return REAL (listen) (fd, backlog);
  /* A listener that was closed a moment ago is perhaps still there: the device has not looked yet. */
  for (int i = 0; i < 50 && result < 0; i++) {
    int fresh = REAL (socket) (AF_UNIX, SOCK_STREAM, 0);
    result = say (fresh, "LISTEN", ports[fd]);
    if (result == 0)
      dup2 (fresh, fd);
    close (fresh);
    if (result < 0)
      nanosleep (&(struct timespec){ .tv_nsec = 20000000 }, NULL);
  }
  return result;
}

int
accept (int fd, struct sockaddr *address, socklen_t *len)
{
  char line[64] = "";
  struct iovec iov = { line, sizeof line - 1 };
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control;
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space
  };
  struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = 3 };
  int one;

  if (fd < 0 || fd >= FDS_MAX || ports[fd] == 0)
    return REAL (accept) (fd, address, len);
  if (recvmsg (fd, &message, 0) <= 0 || CMSG_FIRSTHDR (&message) == NULL ||
      sscanf (line, "ACCEPT %u", &vm.svm_port) != 1)
    return -1;
  memcpy (&one, CMSG_DATA (CMSG_FIRSTHDR (&message)), sizeof one);
  if (one >= 0 && one < FDS_MAX)
    ports[one] = 0;
  if (address != NULL && len != NULL && *len >= sizeof vm) {
    memcpy (address, &vm, sizeof vm);
    *len = sizeof vm;
  }
  return one;
}
