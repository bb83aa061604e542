/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: two threads for each connection carry bytes between the vsock socket and the null guest's agent; a reset ends the guest's side of them. */
#include "machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AGENT_PORT 1024u

/* Of one connection. @fd is the host's end, @agent the guest's; both are open as long as it is in the list. */
struct visit {
  struct way *way;
  int fd, agent;
  gint silent; /* atomic: a reset has ended the guest's side, and nobody tells the host */
};

/* Lives as long as the process. */
struct way {
  int vsock_fd, agent_fd, control_fd;
  GMutex lock;       /* of all below */
  GPtrArray *visits; /* struct visit */
  GPtrArray *doomed; /* those that were there when a reset was put down */
  const char *after; /* how it goes on after a reset; NULL = as before */
};

struct pipe {
  struct visit *visit;
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
  if (g_atomic_int_get (&pipe->visit->silent) == 0)
    shutdown (pipe->to, SHUT_WR);
  return NULL;
}

static GThread *
carry_start (struct visit *visit, int from, int to)
{
  struct pipe *pipe = g_new (struct pipe, 1);
  *pipe = (struct pipe){ visit, from, to };
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

static void
enlist (struct visit *visit)
{
  g_mutex_lock (&visit->way->lock);
  g_ptr_array_add (visit->way->visits, visit);
  g_mutex_unlock (&visit->way->lock);
}

static void
discharge (struct visit *visit)
{
  g_mutex_lock (&visit->way->lock);
  g_ptr_array_remove_fast (visit->way->visits, visit);
  g_ptr_array_remove_fast (visit->way->doomed, visit);
  g_mutex_unlock (&visit->way->lock);
}

/* The bytes of an agent that goes on. */
static void
converse (struct visit *visit)
{
  GThread *up = carry_start (visit, visit->fd, visit->agent), *down = carry_start (visit, visit->agent, visit->fd);
  g_thread_join (down);
  g_thread_join (up);
  discharge (visit);
}

/* An agent that was accepted and says nothing. */
static void
swallow (int fd)
{
  char buffer[4096];
  while (recv (fd, buffer, sizeof buffer, 0) > 0)
    ;
}

static const char *
manner (struct way *way)
{
  g_mutex_lock (&way->lock);
  const char *after = way->after;
  g_mutex_unlock (&way->lock);
  return after != NULL ? after : "";
}

/* "CONNECT port\n"; refused = closed. */
static gpointer
serve (gpointer data)
{
  g_autofree struct visit *visit = data;
  const char *after = manner (visit->way);
  char line[32] = "";
  unsigned port = 0;
  for (size_t n = 0; n < sizeof line - 1 && recv (visit->fd, &line[n], 1, 0) == 1 && line[n] != '\n'; n++)
    ;
  if (sscanf (line, "CONNECT %u", &port) == 1 && port == AGENT_PORT)
    visit->agent = dial (visit->way->agent_fd);
  if (visit->agent >= 0) {
    enlist (visit);
    (void) !send (visit->fd, "OK 1073741824\n", 14, MSG_NOSIGNAL);
    if (g_str_equal (after, "deaf"))
      swallow (visit->fd);
    if (after[0] == '\0' || g_str_equal (after, "silent"))
      converse (visit);
    discharge (visit);
    close (visit->agent);
  }
  close (visit->fd);
  return NULL;
}

void
fake_machine_doom (void *way)
{
  struct way *w = way;
  g_mutex_lock (&w->lock);
  g_ptr_array_set_size (w->doomed, 0);
  g_ptr_array_extend (w->doomed, w->visits, NULL, NULL);
  g_mutex_unlock (&w->lock);
}

void
fake_machine_reset (void *way, const char *how)
{
  struct way *w = way;
  g_mutex_lock (&w->lock);
  for (guint i = 0; i < w->doomed->len; i++) {
    struct visit *visit = w->doomed->pdata[i];
    g_atomic_int_set (&visit->silent, how != NULL && g_str_equal (how, "silent"));
    shutdown (visit->agent, SHUT_RDWR);
  }
  if (w->doomed->len > 0)
    w->after = how;
  g_ptr_array_set_size (w->doomed, 0);
  g_mutex_unlock (&w->lock);
}

static gpointer
accept_all (gpointer data)
{
  struct way *way = data;
  int fd;
  while ((fd = accept4 (way->vsock_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    struct visit *visit = g_new (struct visit, 1);
    *visit = (struct visit){ .way = way, .fd = fd, .agent = -1 };
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
  return fake_machine_start_way (cmdline, vsock_fd, NULL);
}

struct null_guest *
fake_machine_start_way (const char *cmdline, int vsock_fd, void **out)
{
  kata_vm_plan plan = { .size = sizeof plan, .id = "fake", .dir = ".", .cmdline = cmdline };
  struct null_guest *guest = NULL;
  if (kata_null_guest__start (&guest, &plan, NULL) != 0)
    return NULL;
  struct way *way = g_new0 (struct way, 1);
  *way = (struct way){ vsock_fd, hide (NULL_AGENT_SOCKET), hide (NULL_CONTROL_SOCKET) };
  g_mutex_init (&way->lock);
  way->visits = g_ptr_array_new ();
  way->doomed = g_ptr_array_new ();
  if (out != NULL)
    *out = way;
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
