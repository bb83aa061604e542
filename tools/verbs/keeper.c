/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper: its socket, its folder, a thread for each request; what requests do is keeper-serve.c. */
#include "verbs/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "verbs/args.h"
#include "verbs/cgroup.h"
#include "verbs/entry.h"
#include "verbs/spawn.h"
#include "metrics/monitor.h"
#include "members.h"
#include "output.h"

#define REQUESTS_MAX    64 /* at once */
#define REQUEST_S       30 /* for a request to arrive as a whole */
#define LOCK_TRIES      60 /* for the keeper before us to be gone */
#define LOCK_PAUSE_US   50000
#define ACCEPT_PAUSE_US 100000 /* while there is no descriptor for who waits to be let in */

static void report (const char *format, ...) G_GNUC_PRINTF (1, 2);

static void
report (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  vdprintf (SPAWN_REPORT_FD, format, args);
  va_end (args);
  close (SPAWN_REPORT_FD);
}

/* Made by us, or left by a keeper that was killed; the lock tells. One that goes just now may remove it under us. */
static int
try_folder (keeper *keeper, int pods)
{
  struct stat st;
  if (mkdirat (pods, keeper->id, 0700) < 0 && errno != EEXIST)
    return -1;
  keeper->folder_fd = openat (pods, keeper->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  keeper->lock_fd =
      keeper->folder_fd < 0 ? -1 : openat (keeper->folder_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (keeper->lock_fd >= 0 && flock (keeper->lock_fd, LOCK_EX | LOCK_NB) == 0 && fstat (keeper->lock_fd, &st) == 0 &&
      st.st_nlink > 0)
    return 0;
  int saved = keeper->lock_fd >= 0 || errno == ENOENT ? EWOULDBLOCK : errno;
  if (keeper->lock_fd >= 0)
    close (keeper->lock_fd);
  if (keeper->folder_fd >= 0)
    close (keeper->folder_fd);
  keeper->lock_fd = keeper->folder_fd = -1;
  errno = saved;
  return -1;
}

static int
open_folder (keeper *keeper)
{
  int pods = entry_folder (keeper->oci, "pods"), rc = -1;
  for (int tries = 0; pods >= 0 && rc < 0 && tries < LOCK_TRIES; tries++) {
    if (tries > 0)
      g_usleep (LOCK_PAUSE_US);
    rc = try_folder (keeper, pods);
    if (rc < 0 && errno != EWOULDBLOCK)
      break;
  }
  int saved = errno;
  if (pods >= 0)
    close (pods);
  errno = saved;
  return rc;
}

static int
open_log (keeper *keeper)
{
  int fd = openat (keeper->folder_fd, "log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || dup2 (fd, STDERR_FILENO) < 0)
    return -1;
  close (fd);
  return 0;
}

static int
open_socket (keeper *keeper)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/sock", keeper->folder_fd);
  unlinkat (keeper->folder_fd, "sock", 0);
  keeper->listen_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return keeper->listen_fd >= 0 && bind (keeper->listen_fd, (struct sockaddr *) &address, sizeof address) == 0 &&
                 listen (keeper->listen_fd, REQUESTS_MAX) == 0
             ? 0
             : -1;
}

static void
remove_folder (keeper *keeper)
{
  static const char *const names[] = { "sock", METRICS_SOCKET, "log", "lock" };
  int pods = entry_folder (keeper->oci, "pods");
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    unlinkat (keeper->folder_fd, names[i], 0);
  if (pods >= 0) {
    unlinkat (pods, keeper->id, AT_REMOVEDIR);
    close (pods);
  }
}

/* With the lock held. The last container has gone, or the first never came, and nobody but @ours asks: whoever comes now finds no pod. */
static void
leave_if_empty (keeper *keeper, int ours)
{
  if (keeper->leaving || !keeper->used || keeper->n_requests != ours || g_hash_table_size (keeper->units) > 0)
    return;
  keeper->leaving = 1;
  remove_folder (keeper);
}

struct conversation {
  keeper *keeper;
  int fd;
};

/* 0, or -1: nothing whole came. A deletion that comes after it waits until it is known what it makes. */
static int
read_request (keeper *keeper, int fd, wire_message *request)
{
  int rc = wire_peer_is_ours (fd) ? wire_receive (fd, request) : -1;
  const char *op = rc == 0 ? members_string (request->object, "op") : NULL;
  keeper_read (keeper, op && strcmp (op, "create") == 0 ? members_string (request->object, "id") : NULL);
  return rc;
}

static void
converse (keeper *keeper, int fd)
{
  struct timeval limit = { .tv_sec = REQUEST_S };
  wire_message request = { 0 };
  answer answer = { 0 };
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (read_request (keeper, fd, &request) == 0) {
    answer.reply = json_builder_new ();
    json_builder_begin_object (answer.reply);
    keeper_serve (keeper, &request, &answer);
    /* Before the answer: who hears that the container is gone may make one of the same name at once. */
    g_mutex_lock (&keeper->lock);
    leave_if_empty (keeper, 1);
    g_mutex_unlock (&keeper->lock);
    if (answer.error)
      wire_add_text (answer.reply, "error", answer.error);
    json_builder_end_object (answer.reply);
    wire_send (fd, answer.reply, NULL, 0); /* a verb that was killed hears nothing */
    g_object_unref (answer.reply);
    g_free (answer.error);
  }
  wire_clear (&request);
}

static void *
converse_thread (void *data)
{
  struct conversation *conversation = data;
  keeper *keeper = conversation->keeper;
  uint64_t one = 1;
  converse (keeper, conversation->fd);
  g_mutex_lock (&keeper->lock);
  keeper->n_requests--;
  leave_if_empty (keeper, 0);
  g_mutex_unlock (&keeper->lock);
  close (conversation->fd);
  g_free (conversation);
  if (write (keeper->wake_fd, &one, sizeof one) < 0)
    g_warn_if_reached ();
  return NULL;
}

static void
take_connection (keeper *keeper)
{
  int fd = accept4 (keeper->listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      g_usleep (ACCEPT_PAUSE_US);
    return;
  }
  g_mutex_lock (&keeper->lock);
  int refused = keeper->leaving;
  keeper->n_requests += !refused;
  keeper->n_unread += !refused;
  keeper->n_served += !refused;
  g_mutex_unlock (&keeper->lock);
  if (refused) {
    close (fd);
    return;
  }
  struct conversation *conversation = g_new (struct conversation, 1);
  *conversation = (struct conversation){ keeper, fd };
  g_thread_unref (g_thread_new ("request", converse_thread, conversation));
}

static int
is_used (keeper *keeper)
{
  g_mutex_lock (&keeper->lock);
  int used = keeper->used;
  g_mutex_unlock (&keeper->lock);
  return used;
}

/* Who comes then waits in the socket's queue: a verb that is turned away would take the pod for dead. */
static int
is_full (keeper *keeper)
{
  g_mutex_lock (&keeper->lock);
  int full = keeper->n_requests >= REQUESTS_MAX;
  g_mutex_unlock (&keeper->lock);
  return full;
}

static void
serve (keeper *keeper)
{
  int leaving = 0;
  while (!leaving) {
    struct pollfd polls[] = { { .fd = is_full (keeper) ? -1 : keeper->listen_fd, .events = POLLIN },
                              { .fd = keeper->wake_fd, .events = POLLIN } };
    uint64_t value;
    int n = poll (polls, G_N_ELEMENTS (polls), is_used (keeper) ? -1 : REQUEST_S * 1000);
    if (n < 0)
      continue;
    if (polls[0].revents)
      take_connection (keeper);
    if (polls[1].revents && read (keeper->wake_fd, &value, sizeof value) < 0)
      continue;
    g_mutex_lock (&keeper->lock);
    keeper->used = keeper->used || n == 0; /* the verb that started us was killed */
    leave_if_empty (keeper, 0);
    leaving = keeper->leaving && keeper->n_requests == 0;
    g_mutex_unlock (&keeper->lock);
  }
}

static kata_sandbox *
sandbox_of (void *data)
{
  keeper *keeper = data;
  kata_sandbox *sandbox = NULL;
  if (!g_mutex_trylock (&keeper->boot))
    return NULL; /* it is made or removed just now */
  if (keeper->sandbox)
    sandbox = kata_sandbox_ref (keeper->sandbox);
  g_mutex_unlock (&keeper->boot);
  return sandbox;
}

static void
write_extra (void *data, GString *text, const metrics_label *labels)
{
  keeper *keeper = data;
  g_mutex_lock (&keeper->lock);
  uint64_t requests = keeper->n_served;
  g_mutex_unlock (&keeper->lock);
  metrics_text_family (text, "kata_shim_keeper_requests_total", "counter", "Requests of kata-runtime to this keeper.");
  metrics_text_uint (text, "kata_shim_keeper_requests_total", labels, requests);
  metrics_text_family (text, "kata_shim_oom_events_total", "counter", "How often a container ran out of memory.");
  metrics_text_uint (text, "kata_shim_oom_events_total", labels, (guint64) g_atomic_int_get (&keeper->ooms));
}

static int
prepare (keeper *keeper)
{
  keeper->units = g_hash_table_new (g_str_hash, g_str_equal);
  keeper->creating = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  keeper->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_mutex_init (&keeper->lock);
  g_mutex_init (&keeper->boot);
  g_cond_init (&keeper->idle);
  if (!oci_runtime (keeper->oci))
    return -1;
  return open_folder (keeper) == 0 && open_log (keeper) == 0 && open_socket (keeper) == 0 ? 0 : -1;
}

int
oci_keep (oci *oci, int argc, char **argv)
{
  keeper keeper = { .oci = oci, .folder_fd = -1, .listen_fd = -1, .lock_fd = -1, .wake_fd = -1 };
  const arg_row rows[] = { { "cgroup", 0, ARG_TEXT, &keeper.cgroup }, { NULL, 0, 0, NULL } };
  int first = args_parse_words (oci, rows, argc, argv, 1, 1);
  if (first < 0 || fcntl (SPAWN_REPORT_FD, F_SETFD, FD_CLOEXEC) < 0)
    return OCI_FAILED;
  keeper.id = argv[first];
  oci->keeping = 1;
  mallopt (M_ARENA_MAX, 1); /* a thread for each request: with arenas of their own we would grow for hours */
  umask (0077);
  signal (SIGPIPE, SIG_IGN);
  prctl (PR_SET_NAME, "kata-keeper");
  if (prepare (&keeper) < 0) {
    report ("the keeper of \"%s\" cannot start: %s%s", keeper.id, g_strerror (errno),
            errno == EWOULDBLOCK ? " (another one holds this id)" : "");
    return OCI_FAILED;
  }
  if (keeper.cgroup)
    cgroup_enter (oci, keeper.cgroup, getpid ());
  const metrics_source source = { { keeper.id, "keeper" }, sandbox_of, write_extra, &keeper };
  metrics_monitor *monitor = metrics_monitor_start (keeper.folder_fd, &source);
  if (!monitor)
    g_printerr ("metrics: \"" METRICS_SOCKET "\": %s; the pod is kept without them\n", g_strerror (errno));
  report ("ready");
  serve (&keeper);
  metrics_monitor_stop (monitor);
  kata_sandbox_unref (keeper.sandbox);
  return OCI_OK;
}
