/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serve: the long-lived server of one pod: connections, signals, and the orderly end. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/socket.h"
#include "say.h"
#include "service.h"

#define CONNECTIONS_MAX 64
#define IN_FLIGHT_MAX   1024u        /* each Wait is one */
#define STACK_BYTES     (256u << 10) /* of a method's thread: the library runs on it */
#define ALONE_MS        60000        /* without a task and without a client it is of no use to anybody */
#define LEAVING_MS      500
#define FLUSH_MS        2000
#define ACCEPT_PAUSE_US 100000 /* while there is no descriptor for who waits to be let in */

struct server {
  service service;
  ttrpc_server *ttrpc;
  int listener, signal_fd;
  gint connections; /* atomic */
};

struct connection {
  struct server *server;
  int fd;
};

static gpointer
serve_one (gpointer data)
{
  struct connection *connection = data;
  struct ttrpc_io io;
  if (ttrpc_io_from_fd (&io, connection->fd) == 0)
    ttrpc_server_serve (connection->server->ttrpc, &io);
  g_atomic_int_add (&connection->server->connections, -1);
  g_free (connection);
  return NULL;
}

/* Whoever may enter the directory may connect; that it is this user is checked once more. */
static gboolean
is_welcome (int fd)
{
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == geteuid () &&
         peer.gid == getegid ();
}

static void
take_connection (struct server *server)
{
  int fd = accept4 (server->listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      g_usleep (ACCEPT_PAUSE_US);
    return;
  }
  if (!is_welcome (fd) || g_atomic_int_get (&server->connections) >= CONNECTIONS_MAX) {
    close (fd);
    return;
  }
  struct connection *connection = g_new0 (struct connection, 1);
  connection->server = server;
  connection->fd = fd;
  g_atomic_int_inc (&server->connections);
  g_thread_unref (g_thread_new ("connection", serve_one, connection));
}

static void
say_state (struct server *server)
{
  GHashTableIter iter;
  gpointer value;
  g_mutex_lock (&server->service.lock);
  say ("%u tasks, %d connections, machine %u", g_hash_table_size (server->service.tasks),
       g_atomic_int_get (&server->connections), server->service.pid);
  g_hash_table_iter_init (&iter, server->service.tasks);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    task *task = value;
    say ("task \"%s\": status %d, %u execs", task->id, task->init->status, g_hash_table_size (task->execs));
  }
  g_mutex_unlock (&server->service.lock);
}

/* FALSE: the server shall end. */
static gboolean
take_signal (struct server *server)
{
  struct signalfd_siginfo info;
  if (read (server->signal_fd, &info, sizeof info) != (ssize_t) sizeof info)
    return TRUE;
  if (info.ssi_signo != SIGUSR1)
    return FALSE;
  say_state (server);
  return TRUE;
}

static gboolean
is_alone (struct server *server)
{
  g_mutex_lock (&server->service.lock);
  gboolean empty = g_hash_table_size (server->service.tasks) == 0;
  g_mutex_unlock (&server->service.lock);
  return empty && g_atomic_int_get (&server->connections) == 0;
}

static void
loop (struct server *server)
{
  for (;;) {
    struct pollfd fds[] = { { server->listener, POLLIN, 0 },
                            { server->service.quit_fd, POLLIN, 0 },
                            { server->signal_fd, POLLIN, 0 } };
    int n = poll (fds, G_N_ELEMENTS (fds), ALONE_MS);
    if (fds[1].revents || (n == 0 && is_alone (server)))
      return;
    if (fds[2].revents && !take_signal (server))
      return;
    if (fds[0].revents)
      take_connection (server);
  }
}

/* The caller of Shutdown has its answer when it hangs up; the directory goes last, since it says that all else is gone. */
static void
end (struct server *server)
{
  close (server->listener);
  service_clear (&server->service);
  publisher_flush (server->service.publisher, FLUSH_MS);
  for (int ms = 0; ms < LEAVING_MS && g_atomic_int_get (&server->connections) > 0; ms += 10)
    g_usleep (10000);
  group_remove (server->service.group);
}

static gboolean
prepare_group (group *group, const options *options)
{
  group_name (group, options, options->id);
  group->fd = SERVER_GROUP_FD;
  for (int fd = SERVER_SOCKET_FD; fd <= SERVER_READY_FD; fd++)
    if (fcntl (fd, F_SETFD, FD_CLOEXEC) != 0)
      return FALSE;
  g_autofree char *name = cleanup_process_name (getpid ());
  return name && group_write (group, GROUP_SERVER, name) == 0 &&
         group_write (group, GROUP_SANDBOX, group->sandbox_id) == 0;
}

static void
prepare_signals (struct server *server)
{
  static const int wanted[] = { SIGTERM, SIGINT, SIGUSR1 };
  sigset_t set;
  sigemptyset (&set);
  for (size_t i = 0; i < G_N_ELEMENTS (wanted); i++)
    sigaddset (&set, wanted[i]);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  sigprocmask (SIG_BLOCK, &set, NULL); /* before the first thread */
  server->signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
verb_serve (options *options)
{
  static struct server server; /* threads use it to the very end of the process */
  static group group;
  struct ttrpc_server_options wanted = { .size = sizeof wanted, .methods = service_methods };
  mallopt (M_ARENA_MAX, 2); /* many short-lived threads would each get an arena of their own */
  mallopt (M_TRIM_THRESHOLD, 256 << 10);
  say_open (options->bundle ? options->bundle : ".");
  prepare_signals (&server);
  if (!prepare_group (&group, options)) {
    say ("serve is for the shim itself; containerd calls start");
    return 1;
  }
  server.listener = SERVER_SOCKET_FD;
  fcntl (server.listener, F_SETFL, O_NONBLOCK);
  service *service = &server.service;
  service->options = options;
  service->holder.fd = -1;
  service->group = &group;
  service->tasks = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) task_unref);
  service->quit_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  service->publisher = publisher_new (options->ttrpc_address, options->namespace_name);
  wanted.user = service;
  wanted.max_in_flight = IN_FLIGHT_MAX;
  wanted.stack_size = STACK_BYTES;
  if (service->quit_fd < 0 || server.signal_fd < 0 || ttrpc_server_new (&server.ttrpc, &wanted) < 0)
    return 1;
  if (!service_monitor (service))
    say ("metrics: \"%s/" METRICS_SOCKET "\": %s; the pod is served without them", group.path, g_strerror (errno));
  (void) !chdir ("/"); /* the bundle can be removed under us */
  (void) !write (SERVER_READY_FD, "1", 1);
  close (SERVER_READY_FD);
  loop (&server);
  end (&server);
  _exit (0); /* threads that still wait for something go with it */
}
