/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest: the null machine's life: sockets, one accepting thread, one thread per agent connection; requests are service.c's. */
#include "backend/null/guest.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include "backend/null/service.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/thread.h"

#define MEMORY_STEP_MIB 128
#define ACCEPT_PAUSE_US 5000 /* without descriptors left the connection goes on waiting: no busy loop */

/* A directory's path may be longer than sun_path: name the socket through the directory's descriptor. */
static int
socket_at (const char *dir, const char *name, int *dir_fd, struct sockaddr_un *address)
{
  *dir_fd = open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (*dir_fd < 0)
    return -1;
  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  g_snprintf (address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", *dir_fd, name);
  return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int
listen_at (const char *dir, const char *name)
{
  kata_auto_fd int dir_fd = -1;
  struct sockaddr_un address;
  kata_auto_fd int fd = socket_at (dir, name, &dir_fd, &address);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) != 0 || listen (fd, 16) != 0)
    return -1;
  return kata_fd__steal (&fd);
}

int
kata_null_guest__dial (const char *dir, const char *name)
{
  kata_auto_fd int dir_fd = -1;
  struct sockaddr_un address;
  kata_auto_fd int fd = socket_at (dir, name, &dir_fd, &address);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    return -1;
  return kata_fd__steal (&fd);
}

struct connection {
  struct null_guest *guest;
  int fd;
};

static void
misbehave (struct null_guest *guest, int fd)
{
  static const char junk[] = "\xff\xff\xff\xff\x00\x00\x00\x02\x09\xff and no frame at all";
  if (guest->manner == NULL_GARBAGE)
    (void) !send (fd, junk, sizeof junk, MSG_NOSIGNAL);
  if (guest->manner == NULL_HANGS_UP)
    return;
  struct pollfd fds[] = { { guest->wake_fd, POLLIN, 0 }, { fd, POLLRDHUP, 0 } };
  while (poll (fds, 2, -1) <= 0)
    ;
}

static gpointer
serve_connection (gpointer data)
{
  g_autofree struct connection *c = data;
  struct ttrpc_io io;
  if (c->guest->manner != NULL_POLITE && c->guest->manner != NULL_OUT_OF_MEMORY) {
    misbehave (c->guest, c->fd);
    kata_fd__close (c->fd);
  } else if (ttrpc_io_from_fd (&io, c->fd) == 0) {
    ttrpc_server_serve (c->guest->server, &io);
  }
  return NULL;
}

static void
accept_agent (struct null_guest *guest)
{
  int fd = accept4 (guest->agent_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) {
    g_usleep (ACCEPT_PAUSE_US);
    return;
  }
  struct connection *c = g_new0 (struct connection, 1);
  *c = (struct connection){ guest, fd };
  g_ptr_array_add (guest->connections, g_thread_new ("null-agent", serve_connection, c));
}

/* "V2\n" and "M1024\n", of which the first @n bytes are in @word: the size that is wanted. Answers with the one that is. */
static void
answer_size (struct null_guest *guest, int fd, char *word, size_t n, size_t size)
{
  for (ssize_t more; strchr (word, '\n') == NULL && n + 1 < size && (more = read (fd, word + n, size - n - 1)) > 0;)
    word[n += (size_t) more] = '\0';
  guint64 wanted = g_ascii_strtoull (word + 1, NULL, 10), now = wanted;
  if (word[0] == 'V') {
    g_atomic_int_set (&guest->vcpus, (gint) MIN (wanted, G_MAXINT));
  } else {
    guint64 blocks =
        wanted > guest->memory_mib ? (wanted - guest->memory_mib + MEMORY_STEP_MIB - 1) / MEMORY_STEP_MIB : 0;
    now = guest->memory_mib += blocks * MEMORY_STEP_MIB;
  }
  g_autofree char *answer = g_strdup_printf ("%" G_GUINT64_FORMAT "\n", now);
  (void) !send (fd, answer, strlen (answer), MSG_NOSIGNAL);
}

/* One word a connection: "watch" stays open until the guest ends, the others are answered and closed. Returns TRUE to end. */
static gboolean
accept_control (struct null_guest *guest)
{
  kata_auto_fd int fd = accept4 (guest->control_fd, NULL, NULL, SOCK_CLOEXEC);
  struct timeval second = { 1, 0 };
  char word[32] = "";
  const size_t first = 6; /* as long as "watch": a "stop" that follows at once stays for hear_watchers() */
  if (fd < 0) {
    g_usleep (ACCEPT_PAUSE_US);
    return FALSE;
  }
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  ssize_t n = read (fd, word, first);
  if (n <= 0)
    return FALSE;
  if (word[0] == 'V' || word[0] == 'M') {
    answer_size (guest, fd, word, (size_t) n, sizeof word);
    return FALSE;
  }
  if (strcmp (word, "stop\n") == 0)
    return TRUE;
  if (strcmp (word, "pause\n") == 0)
    g_atomic_int_set (&guest->paused, 1);
  if (strcmp (word, "cont\n") == 0)
    g_atomic_int_set (&guest->paused, 0);
  if (strcmp (word, "save\n") == 0) {
    g_autofree char *text = kata_null_guest__keep (guest);
    (void) !send (fd, text, strlen (text), MSG_NOSIGNAL);
    return FALSE;
  }
  if (strcmp (word, "watch\n") == 0) {
    int kept = kata_fd__steal (&fd);
    g_array_append_val (guest->watchers, kept);
    return FALSE;
  }
  (void) !send (fd, "ok\n", 3, MSG_NOSIGNAL);
  return FALSE;
}

static void
hang_up (struct null_guest *guest)
{
  g_atomic_int_set (&guest->ending, 1);
  g_mutex_lock (&guest->lock);
  g_hash_table_remove_all (guest->containers);
  g_mutex_unlock (&guest->lock);
  ttrpc_server_shutdown (guest->server);
  for (guint i = 0; i < guest->connections->len; i++)
    g_thread_join (guest->connections->pdata[i]);
  g_ptr_array_set_size (guest->connections, 0);
  kata_fd__closep (&guest->agent_fd);
  kata_fd__closep (&guest->control_fd);
  for (guint i = 0; i < guest->watchers->len; i++)
    kata_fd__close (g_array_index (guest->watchers, int, i));
  g_array_set_size (guest->watchers, 0);
}

/* Watchers may say "stop" on the connection that they have, which needs no new descriptor; those that have gone are forgotten. */
static gboolean
hear_watchers (struct null_guest *guest, const struct pollfd *fds)
{
  gboolean stop = FALSE;
  for (guint i = guest->watchers->len; i > 0; i--) {
    char word[8];
    int fd = g_array_index (guest->watchers, int, i - 1);
    if (fds[i - 1].revents == 0)
      continue;
    if (recv (fd, word, sizeof word, MSG_DONTWAIT) > 0) {
      stop = TRUE;
    } else {
      kata_fd__close (fd);
      g_array_remove_index (guest->watchers, i - 1);
    }
  }
  return stop;
}

static gboolean
wait_and_serve (struct null_guest *guest)
{
  guint n = guest->watchers->len;
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, 3 + n);
  fds[0] = (struct pollfd){ guest->wake_fd, POLLIN, 0 };
  fds[1] = (struct pollfd){ guest->agent_fd, POLLIN, 0 };
  fds[2] = (struct pollfd){ guest->control_fd, POLLIN, 0 };
  for (guint i = 0; i < n; i++)
    fds[3 + i] = (struct pollfd){ g_array_index (guest->watchers, int, i), POLLIN, 0 };
  if (poll (fds, 3 + n, -1) < 0)
    return FALSE;
  gboolean stop = fds[0].revents != 0;
  stop = hear_watchers (guest, fds + 3) || stop;
  if (fds[1].revents != 0)
    accept_agent (guest);
  if (fds[2].revents != 0)
    stop = accept_control (guest) || stop;
  return stop;
}

static gpointer
guest_main (gpointer data)
{
  struct null_guest *guest = data;
  while (!wait_and_serve (guest))
    ;
  guint64 one = 1;
  (void) !write (guest->wake_fd, &one, sizeof one); /* ends misbehaving connections too */
  hang_up (guest);
  g_atomic_int_set (&guest->ended, 1);
  return NULL;
}

static enum null_manner
parse_manner (const char *cmdline)
{
  static const char *const names[] = { "null.agent=polite", "null.agent=silent", "null.agent=hangs-up",
                                       "null.agent=garbage", "null.agent=out-of-memory" };
  for (size_t i = 1; i < G_N_ELEMENTS (names); i++)
    if (cmdline != NULL && strstr (cmdline, names[i]) != NULL)
      return (enum null_manner) i;
  return NULL_POLITE;
}

int
kata_null_guest__start (struct null_guest **out, const kata_vm_plan *plan, kata_error **err)
{
  struct null_guest *guest = g_new0 (struct null_guest, 1);
  struct ttrpc_server_options options = {
    .size = sizeof options, .methods = kata_null_service__methods, .user = guest, .max_in_flight = 512
  };
  guest->id = g_strdup (plan->id);
  guest->vcpus = (gint) plan->vcpus;
  guest->memory_mib = plan->memory_mib;
  guest->manner = parse_manner (plan->cmdline);
  guest->fail_at = plan->null_fail_at;
  g_mutex_init (&guest->lock);
  guest->containers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, kata_null_service__free_container);
  guest->connections = g_ptr_array_new ();
  guest->watchers = g_array_new (FALSE, FALSE, sizeof (int));
  guest->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  guest->agent_fd = listen_at (plan->dir, NULL_AGENT_SOCKET);
  int errnum = errno;
  guest->control_fd = guest->agent_fd < 0 ? -1 : listen_at (plan->dir, NULL_CONTROL_SOCKET);
  errnum = guest->agent_fd < 0 ? errnum : errno;
  if (guest->control_fd < 0 || guest->wake_fd < 0 || ttrpc_server_new (&guest->server, &options) != 0) {
    kata_null_guest__free (guest);
    return kata_error__errno (err, KATA_E_VMM, plan->dir, errnum, "null: cannot listen in \"%s\"", plan->dir);
  }
  guest->thread = kata_thread__new ("null-guest", guest_main, guest, NULL); /* and makes the others */
  if (guest->thread == NULL)
    g_error ("null: no thread for the guest");
  *out = guest;
  return 0;
}

void
kata_null_guest__end (struct null_guest *guest)
{
  guint64 one = 1;
  if (guest->thread == NULL)
    return;
  (void) !write (guest->wake_fd, &one, sizeof one);
  g_thread_join (g_steal_pointer (&guest->thread));
}

void
kata_null_guest__free (struct null_guest *guest)
{
  if (guest == NULL)
    return;
  kata_null_guest__end (guest);
  kata_fd__close (guest->agent_fd);
  kata_fd__close (guest->control_fd);
  kata_fd__close (guest->wake_fd);
  ttrpc_server_free (guest->server);
  g_hash_table_unref (guest->containers);
  g_ptr_array_unref (guest->connections);
  g_array_unref (guest->watchers);
  g_mutex_clear (&guest->lock);
  g_free (guest->id);
  g_free (guest);
}
