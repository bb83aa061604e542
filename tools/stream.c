/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream: threads that copy a process's output to sinks and standard input to the process. */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A call for each; there are copies of it on the way. With its heads it fits into two packets of vsock. */
#define CHUNK_OUTPUT (128 * 1024 - 64)
#define CHUNK_INPUT  (64 * 1024)
/* Reads and writes wake up this often to see whether the process has ended. */
#define SLICE_MS 1000
/* A process that ended may leave children that keep its output open; they are not waited for longer than this without a byte. */
#define SILENCE_US (4 * G_USEC_PER_SEC)

struct pump {
  struct streams *streams;
  GThread *thread;
  int stream;
  sink *sink;
  kata_error *err;
};

struct streams {
  kata_process *process;
  streams_options options;
  struct pump out, err;
  GThread *input;
  int quit_fd; /* eventfd: the process has ended */
  gint ended;  /* atomic */
};

static int
wait_fd (int fd, short events, int quit_fd)
{
  struct pollfd polls[] = { { .fd = fd, .events = events }, { .fd = quit_fd, .events = POLLIN } };
  while (poll (polls, quit_fd >= 0 ? 2 : 1, -1) < 0)
    if (errno != EINTR)
      return -1;
  return quit_fd >= 0 && polls[1].revents && !polls[0].revents ? -1 : 0;
}

static int
write_fd (sink *sink, const uint8_t *data, size_t length)
{
  while (length > 0) {
    ssize_t n = write (sink->fd, data, length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN &&
        wait_fd (sink->fd, POLLOUT, -1) == 0) /* somebody made our descriptor non-blocking */
      continue;
    if (n <= 0)
      return -1;
    data += n;
    length -= (size_t) n;
  }
  return 0;
}

static int
write_null (sink *sink, const uint8_t *data, size_t length)
{
  return 0;
}

sink
sink_fd (int fd)
{
  return (sink){ .write = write_fd, .fd = fd };
}

sink
sink_null (void)
{
  return (sink){ .write = write_null, .fd = -1 };
}

static void
sink_broke (struct pump *pump, gboolean *broken)
{
  uint64_t one = 1;
  *broken = TRUE;
  if (pump->stream == KATA_STDOUT && pump->streams->options.closed_fd >= 0 &&
      write (pump->streams->options.closed_fd, &one, sizeof one) < 0)
    return; /* an eventfd that is full already says it */
}

static void *
pump_thread (void *data)
{
  struct pump *pump = data;
  struct streams *streams = pump->streams;
  g_autofree uint8_t *buffer = g_malloc (CHUNK_OUTPUT);
  int64_t silent_since = g_get_monotonic_time ();
  gboolean broken = FALSE;
  for (;;) {
    CTL_AUTO (error) err = NULL;
    size_t n = 0;
    gboolean ended = g_atomic_int_get (&streams->ended) != 0;
    int rc = kata_process_read (streams->process, pump->stream, buffer, CHUNK_OUTPUT, &n, SLICE_MS, &err);
    if (rc == KATA_E_TIMEOUT) {
      if (!ended)
        silent_since = g_get_monotonic_time ();
      else if (g_get_monotonic_time () - silent_since > SILENCE_US)
        break;
      continue;
    }
    if (rc < 0) {
      pump->err = g_steal_pointer (&err);
      break;
    }
    if (n == 0)
      break;
    silent_since = g_get_monotonic_time ();
    if (streams->options.timing)
      timing_first_byte (streams->options.timing);
    /* A broken sink is no reason to stop reading: the process would hang on a full pipe. */
    if (!broken && pump->sink->write (pump->sink, buffer, n) < 0)
      sink_broke (pump, &broken);
  }
  return NULL;
}

/*
 * Everything of @data, until the process has ended or does not read any more. Of a piece that was on its way when the connection was lost nobody knows
 * how much has come: what follows would be a stream with a hole, so it is the last, and the process sees the end of its input.
 */
static int
feed (struct streams *streams, const uint8_t *data, size_t length)
{
  while (length > 0 && !g_atomic_int_get (&streams->ended)) {
    size_t n = 0;
    int rc = kata_process_write (streams->process, data, length, &n, SLICE_MS, NULL);
    data += n;
    length -= n;
    if (rc == KATA_E_AGENT)
      kata_process_close_stdin (streams->process, KATA_TIMEOUT_DEFAULT, NULL);
    if (rc < 0 && rc != KATA_E_TIMEOUT)
      return -1;
  }
  return length > 0 ? -1 : 0;
}

static void *
input_thread (void *data)
{
  struct streams *streams = data;
  g_autofree uint8_t *buffer = g_malloc (CHUNK_INPUT);
  while (wait_fd (streams->options.input, POLLIN, streams->quit_fd) == 0) {
    ssize_t n = read (streams->options.input, buffer, CHUNK_INPUT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (n <= 0) {
      kata_process_close_stdin (streams->process, KATA_TIMEOUT_DEFAULT, NULL); /* fails only when the process is gone */
      break;
    }
    if (feed (streams, buffer, (size_t) n) < 0)
      break;
  }
  return NULL;
}

streams *
streams_start (kata_process *process, const streams_options *options)
{
  streams *streams = g_new0 (struct streams, 1);
  streams->process = kata_process_ref (process);
  streams->options = *options;
  streams->quit_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  streams->out = (struct pump){ .streams = streams, .stream = KATA_STDOUT, .sink = options->out };
  streams->err = (struct pump){ .streams = streams, .stream = KATA_STDERR, .sink = options->err };
  streams->out.thread = g_thread_new ("stdout", pump_thread, &streams->out);
  if (options->err)
    streams->err.thread = g_thread_new ("stderr", pump_thread, &streams->err);
  if (options->input >= 0)
    streams->input = g_thread_new ("stdin", input_thread, streams);
  return streams;
}

static int
finish_pump (struct pump *pump, int ignore_errors, kata_error **err)
{
  if (pump->thread)
    g_thread_join (pump->thread);
  int rc = pump->err && !ignore_errors ? kata_error_get_code (pump->err) : 0;
  if (rc < 0 && err && !*err)
    *err = g_steal_pointer (&pump->err);
  kata_error_unrefp (&pump->err);
  return rc;
}

int
streams_finish (streams *streams, int ignore_errors, kata_error **err)
{
  uint64_t one = 1;
  g_atomic_int_set (&streams->ended, 1);
  if (write (streams->quit_fd, &one, sizeof one) < 0)
    g_warn_if_reached ();
  int out = finish_pump (&streams->out, ignore_errors, err);
  int error = finish_pump (&streams->err, ignore_errors, err);
  if (streams->input)
    g_thread_join (streams->input);
  close (streams->quit_fd);
  kata_process_unref (streams->process);
  g_free (streams);
  return out < 0 ? out : error;
}
