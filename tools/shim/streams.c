/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* streams: FIFOs are opened so that neither side's coming and going is seen as an end of the stream, as containerd expects. */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logger.h"
#include "options.h"

#define CHUNK   (32u << 10)
#define LOOK_MS 5000 /* how often a thread that waits for output sees whether it is still wanted */

/* How long the end of a stream is kept back for a client that has not read, or not even opened, what is in the FIFO. */
#define UNREAD_MS      1000
#define UNREAD_STEP_US 1000

struct streams {
  gatomicrefcount refs;
  GMutex lock; /* the descriptors and counters */
  GCond changed;
  int in, in_hold; /* the second keeps the FIFO from ending while containerd's client is away */
  int out, err;
  int stop_fd;       /* readable: give up */
  int input_stop_fd; /* readable: no more input */
  int n_outputs;     /* threads that copy output */
  gboolean has_input, close_input, started;
  kata_process *process;
  logger *logger; /* (nullable): who reads the output */
};

struct pump {
  streams *streams;
  int stream, fd;
};

streams *
streams_ref (streams *streams)
{
  g_atomic_ref_count_inc (&streams->refs);
  return streams;
}

static void
close_if (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

void
streams_unref (streams *streams)
{
  if (!streams || !g_atomic_ref_count_dec (&streams->refs))
    return;
  close_if (&streams->in);
  close_if (&streams->in_hold);
  close_if (&streams->out);
  close_if (&streams->err);
  close_if (&streams->stop_fd);
  close_if (&streams->input_stop_fd);
  logger_finish (streams->logger);
  kata_process_unref (streams->process);
  g_mutex_clear (&streams->lock);
  g_cond_clear (&streams->changed);
  g_free (streams);
}

/* "fifo://" and "file://" are said of plain paths; a logger's program is something else. */
static const char *
plain_path (const char *path)
{
  static const char *const prefixes[] = { "fifo://", "file://" };
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (path, prefixes[i]))
      return path + strlen (prefixes[i]);
  return path;
}

/* What the path names is looked at and opened through one descriptor, so it cannot change in between. */
static int
open_held (const char *path, mode_t *mode, int fifo_flags, int file_flags)
{
  struct stat st;
  char name[64];
  int held = open (path, O_PATH | O_CLOEXEC);
  if (held < 0)
    return -errno;
  int fd = fstat (held, &st) != 0 ? -errno : S_ISDIR (st.st_mode) || S_ISSOCK (st.st_mode) ? -EINVAL : 0;
  *mode = st.st_mode;
  g_snprintf (name, sizeof name, "/proc/self/fd/%d", held);
  if (fd == 0)
    fd = open (name, (S_ISFIFO (st.st_mode) ? fifo_flags : file_flags) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 && fd != -EINVAL)
    fd = -errno;
  close (held);
  return fd;
}

static int
open_input (streams *streams, const char *path)
{
  mode_t mode = 0;
  streams->in = open_held (path, &mode, O_RDONLY, O_RDONLY);
  if (streams->in < 0)
    return streams->in;
  streams->has_input = TRUE;
  if (S_ISFIFO (mode))
    streams->in_hold = open_held (path, &mode, O_WRONLY, O_WRONLY);
  return S_ISFIFO (mode) && streams->in_hold < 0 ? streams->in_hold : 0;
}

static int
open_output (int *out, const char *path)
{
  mode_t mode = 0;
  *out = open_held (path, &mode, O_RDWR, O_WRONLY | O_APPEND);
  return MIN (*out, 0);
}

static int
open_one (streams *streams, int which, const char *path)
{
  const char *plain = plain_path (path);
  if (!options_is_path (plain))
    return -EINVAL;
  if (which == 0)
    return open_input (streams, plain);
  /* A log file is made by whom it is named to first. */
  if (plain != path && g_str_has_prefix (path, "file://")) {
    int fd = open (plain, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
    if (fd >= 0)
      close (fd);
  }
  return open_output (which == 1 ? &streams->out : &streams->err, plain);
}

static int
open_logger (streams *streams, const streams_wanted *wanted, char **error)
{
  const char *const names[] = { wanted->id, wanted->space };
  int outputs[2];
  int r = logger_start (&streams->logger, wanted->out, names, outputs, error);
  if (r == 0) {
    streams->out = outputs[0];
    streams->err = outputs[1];
  }
  return r;
}

streams *
streams_open (const streams_wanted *wanted, int *code, char **error)
{
  gboolean logs = logger_is_meant (wanted->out);
  const char *paths[] = { wanted->in, logs ? "" : wanted->out, logs ? "" : wanted->err };
  static const char *const names[] = { "stdin", "stdout", "stderr" };
  streams *streams = g_new0 (struct streams, 1);
  g_atomic_ref_count_init (&streams->refs);
  g_mutex_init (&streams->lock);
  g_cond_init (&streams->changed);
  streams->in = streams->in_hold = streams->out = streams->err = -1;
  streams->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  streams->input_stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  int r = streams->stop_fd < 0 || streams->input_stop_fd < 0 ? -EMFILE : 0;
  for (int i = 0; r == 0 && i < 3; i++) {
    if (!*paths[i])
      continue;
    r = open_one (streams, i, paths[i]);
    if (r != 0)
      *error = g_strdup_printf (
          "%s: \"%.200s\": %s%s", names[i], paths[i], g_strerror (-r),
          r == -EINVAL ? "; absolute paths, fifo://, file:// and, for standard output, binary:// are supported" : "");
  }
  if (r == 0 && logs)
    r = open_logger (streams, wanted, error);
  if (r == 0)
    return streams;
  if (!*error)
    *error = g_strdup ("standard streams: no descriptor is left");
  *code = -r;
  streams_unref (streams);
  return NULL;
}

static void
signal_fd (int fd)
{
  uint64_t one = 1;
  (void) !write (fd, &one, sizeof one);
}

static gboolean
is_signalled (int fd)
{
  struct pollfd pfd = { fd, POLLIN, 0 };
  return poll (&pfd, 1, 0) > 0;
}

static gboolean
put (streams *streams, int fd, const char *data, size_t length)
{
  while (length > 0) {
    ssize_t n = write (fd, data, length);
    if (n >= 0) {
      data += n;
      length -= (size_t) n;
      continue;
    }
    if (errno != EAGAIN && errno != EINTR)
      return FALSE;
    struct pollfd fds[] = { { fd, POLLOUT, 0 }, { streams->stop_fd, POLLIN, 0 } };
    if (poll (fds, 2, -1) < 0 && errno != EINTR)
      return FALSE;
    if (fds[1].revents)
      return FALSE;
  }
  return TRUE;
}

/* A FIFO that nobody holds forgets what is in it, and ctr closes its end without a last look once it knows of the exit. */
static void
await_reader (streams *streams, int fd)
{
  gint64 until = g_get_monotonic_time () + UNREAD_MS * 1000;
  int unread = 0;
  while (ioctl (fd, FIONREAD, &unread) == 0 && unread > 0 && !is_signalled (streams->stop_fd) &&
         g_get_monotonic_time () < until)
    g_usleep (UNREAD_STEP_US);
}

/* Output that nobody wants, or that cannot be written any more, is read all the same: the process must not stop on it. */
static gpointer
copy_output (gpointer data)
{
  struct pump *pump = data;
  streams *streams = pump->streams;
  g_autofree char *buffer = g_malloc (CHUNK);
  gboolean good = pump->fd >= 0;
  for (;;) {
    size_t n = 0;
    int r = kata_process_read (streams->process, pump->stream, buffer, CHUNK, &n, LOOK_MS, NULL);
    if ((r == KATA_E_TIMEOUT && is_signalled (streams->stop_fd)) || (r < 0 && r != KATA_E_TIMEOUT) ||
        (r == 0 && n == 0))
      break;
    if (r == 0 && good)
      good = put (streams, pump->fd, buffer, n);
  }
  if (good)
    await_reader (streams, pump->fd);
  g_mutex_lock (&streams->lock);
  close_if (pump->stream == KATA_STDOUT ? &streams->out : &streams->err);
  streams->n_outputs--;
  g_cond_broadcast (&streams->changed);
  g_mutex_unlock (&streams->lock);
  streams_unref (streams);
  g_free (pump);
  return NULL;
}

static gpointer
copy_input (gpointer data)
{
  streams *streams = data;
  g_autofree char *buffer = g_malloc (CHUNK);
  for (;;) {
    struct pollfd fds[] = { { streams->in, POLLIN, 0 }, { streams->input_stop_fd, POLLIN, 0 } };
    if (poll (fds, 2, -1) < 0 && errno != EINTR)
      break;
    if (fds[1].revents)
      break;
    ssize_t n = read (streams->in, buffer, CHUNK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (n <= 0) {
      kata_process_close_stdin (streams->process, KATA_TIMEOUT_DEFAULT, NULL); /* fails only when it has ended */
      break;
    }
    if (kata_process_write (streams->process, buffer, (size_t) n, NULL, KATA_TIMEOUT_NONE, NULL) < 0)
      break;
  }
  g_mutex_lock (&streams->lock);
  close_if (&streams->in);
  close_if (&streams->in_hold);
  g_mutex_unlock (&streams->lock);
  streams_unref (streams);
  return NULL;
}

static void
start_output (streams *streams, int stream, int fd)
{
  struct pump *pump = g_new0 (struct pump, 1);
  pump->streams = streams_ref (streams);
  pump->stream = stream;
  pump->fd = fd;
  streams->n_outputs++;
  g_thread_unref (g_thread_new ("output", copy_output, pump));
}

void
streams_start (streams *streams, kata_process *process, gboolean terminal)
{
  g_mutex_lock (&streams->lock);
  streams->started = TRUE;
  streams->process = kata_process_ref (process);
  start_output (streams, KATA_STDOUT, streams->out);
  if (!terminal)
    start_output (streams, KATA_STDERR, streams->err);
  else
    close_if (&streams->err); /* of a logger, which waits for its end */
  if (streams->has_input)
    g_thread_unref (g_thread_new ("input", copy_input, streams_ref (streams)));
  g_mutex_unlock (&streams->lock);
  if (!streams->has_input && !terminal)
    kata_process_close_stdin (process, KATA_TIMEOUT_DEFAULT, NULL);
}

void
streams_close_input (streams *streams)
{
  g_mutex_lock (&streams->lock);
  close_if (&streams->in_hold);
  g_mutex_unlock (&streams->lock);
}

/* Under the lock. */
static void
await_outputs (streams *streams, int timeout_ms)
{
  gint64 until = g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  while (streams->n_outputs > 0 && g_cond_wait_until (&streams->changed, &streams->lock, until))
    ;
}

void
streams_ended (streams *streams, int timeout_ms)
{
  signal_fd (streams->input_stop_fd);
  g_mutex_lock (&streams->lock);
  await_outputs (streams, timeout_ms);
  g_mutex_unlock (&streams->lock);
}

void
streams_finish (streams *streams, int timeout_ms)
{
  signal_fd (streams->input_stop_fd);
  g_mutex_lock (&streams->lock);
  await_outputs (streams, timeout_ms);
  if (!streams->started) {
    close_if (&streams->in);
    close_if (&streams->in_hold);
    close_if (&streams->out);
    close_if (&streams->err);
  }
  logger *logger = g_steal_pointer (&streams->logger);
  g_mutex_unlock (&streams->lock);
  signal_fd (streams->stop_fd);
  logger_finish (logger);
}
