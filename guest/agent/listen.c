/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listen: sockets: one thread accepts, one more serves each connection; serial ports are listen-serial.c's. */
#include "listen.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "connection.h"
#include "mem.h"
#include "thread.h"

#define VSOCK_PORT      1024
#define CONNECTIONS_MAX 64

struct listener {
  struct agent *agent;
  int fd;
  atomic_int connections;
};

struct accepted {
  struct listener *listener;
  int fd;
};

static void *
serve_run (void *data)
{
  struct accepted *accepted = data;
  struct listener *listener = accepted->listener;
  struct ttrpc_io io;
  if (ttrpc_io_from_fd (&io, accepted->fd) == 0)
    connection_serve (listener->agent, &io);
  atomic_fetch_sub (&listener->connections, 1);
  free (accepted);
  return NULL;
}

static void *
accept_run (void *data)
{
  struct listener *listener = data;
  for (;;) {
    int fd = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
      usleep (100000); /* out of descriptors: try again when some are free */
    if (fd < 0)
      continue;
    if (atomic_fetch_add (&listener->connections, 1) >= CONNECTIONS_MAX) {
      atomic_fetch_sub (&listener->connections, 1);
      close (fd);
      continue;
    }
    struct accepted *accepted = mem_zero (sizeof *accepted);
    *accepted = (struct accepted){ listener, fd };
    if (thread_start (serve_run, accepted) < 0) {
      atomic_fetch_sub (&listener->connections, 1);
      close (fd);
      free (accepted);
    }
  }
  return NULL;
}

static int
start (struct agent *agent, int fd)
{
  struct listener *listener = mem_zero (sizeof *listener); /* lives as long as the agent */
  listener->agent = agent;
  listener->fd = fd;
  return thread_start (accept_run, listener);
}

int
listen_unix (struct agent *agent, const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (strlen (path) >= sizeof address.sun_path) {
    log_error (&agent->log, "%s: the path is too long for a unix socket", path);
    return -1;
  }
  memcpy (address.sun_path, path, strlen (path) + 1);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 16) < 0) {
    log_error (&agent->log, "cannot listen at %s: %s", path, strerror (errno));
    return -1;
  }
  return start (agent, fd);
}

int
listen_vsock (struct agent *agent)
{
  struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VSOCK_PORT };
  if (access ("/dev/vsock", F_OK) < 0) /* asking for a socket would load the module without a device */
    return -1;
  int fd = socket (AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 16) < 0) {
    log_debug (&agent->log, "no vsock: %s", strerror (errno));
    return -1;
  }
  return start (agent, fd);
}
