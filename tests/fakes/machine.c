/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: two threads for each connection carry bytes between the vsock socket and the null guest's agent. */
#include "machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AGENT_PORT 1024u

struct pipe {
  int from, to;
};

static gpointer
carry (gpointer data)
{
  g_autofree struct pipe *pipe = data;
  char buffer[16384];
  ssize_t n;
  while ((n = recv (pipe->from, buffer, sizeof buffer, 0)) > 0)
    for (ssize_t done = 0, put; done < n; done += put)
      if ((put = send (pipe->to, buffer + done, (size_t) (n - done), MSG_NOSIGNAL)) <= 0)
        return NULL;
  shutdown (pipe->to, SHUT_WR);
  return NULL;
}

static GThread *
carry_start (int from, int to)
{
  struct pipe *pipe = g_new (struct pipe, 1);
  *pipe = (struct pipe){ from, to };
  return g_thread_new ("carry", carry, pipe);
}

/* The null guest's sockets are no files of a VMM's: they are removed at once, and found through descriptors. */
static int
hide (const char *name)
{
  int fd = open (name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  unlink (name);
  return fd;
}

static int
dial (int hidden_fd)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", hidden_fd);
  if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
    close (fd);
    return -1;
  }
  return fd;
}

/* Lives as long as the process. */
struct way {
  int vsock_fd, agent_fd, control_fd;
};

struct visit {
  const struct way *way;
  int fd;
};

/* "CONNECT port\n"; refused = closed. */
static gpointer
serve (gpointer data)
{
  g_autofree struct visit *visit = data;
  const struct way *way = visit->way;
  int fd = visit->fd, agent = -1;
  char line[32] = "";
  unsigned port = 0;
  for (size_t n = 0; n < sizeof line - 1 && recv (fd, &line[n], 1, 0) == 1 && line[n] != '\n'; n++)
    ;
  if (sscanf (line, "CONNECT %u", &port) == 1 && port == AGENT_PORT)
    agent = dial (way->agent_fd);
  if (agent >= 0) {
    (void) !send (fd, "OK 1073741824\n", 14, MSG_NOSIGNAL);
    GThread *up = carry_start (fd, agent), *down = carry_start (agent, fd);
    g_thread_join (up);
    g_thread_join (down);
    close (agent);
  }
  close (fd);
  return NULL;
}

static gpointer
accept_all (gpointer data)
{
  const struct way *way = data;
  int fd;
  while ((fd = accept4 (way->vsock_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    struct visit *visit = g_new (struct visit, 1);
    *visit = (struct visit){ way, fd };
    g_thread_unref (g_thread_new ("vsock", serve, visit));
  }
  return NULL;
}

static gpointer
await_end (gpointer data)
{
  const struct way *way = data;
  char byte;
  int fd = dial (way->control_fd);
  (void) !send (fd, "watch\n", 6, MSG_NOSIGNAL);
  while (recv (fd, &byte, 1, 0) > 0)
    ;
  exit (0);
}

struct null_guest *
fake_machine_start (const char *cmdline, int vsock_fd)
{
  kata_vm_plan plan = { .size = sizeof plan, .id = "fake", .dir = ".", .cmdline = cmdline };
  struct null_guest *guest = NULL;
  if (kata_null_guest__start (&guest, &plan, NULL) != 0)
    return NULL;
  struct way *way = g_new (struct way, 1);
  *way = (struct way){ vsock_fd, hide (NULL_AGENT_SOCKET), hide (NULL_CONTROL_SOCKET) };
  g_thread_unref (g_thread_new ("vsock", accept_all, way));
  g_thread_unref (g_thread_new ("end", await_end, way));
  return guest;
}

void
fake_machine_pause (struct null_guest *guest, bool paused)
{
  g_atomic_int_set (&guest->paused, paused);
}

void
fake_machine_size (struct null_guest *guest, unsigned vcpus)
{
  g_atomic_int_set (&guest->vcpus, (gint) vcpus);
}

void
fake_machine_end (struct null_guest *guest)
{
  kata_null_guest__end (guest);
}
