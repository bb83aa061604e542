/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream: blocking reads and writes that end when data, the process's end or a cancellation comes. */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#define HELD_STEP_MS 10

void
stream_init (struct stream *stream)
{
  memset (stream, 0, sizeof *stream);
  pthread_mutex_init (&stream->lock, NULL);
  stream->fd = -1;
}

void
stream_clear (struct stream *stream)
{
  fd_clear (&stream->fd);
  free (stream->back);
  pthread_mutex_destroy (&stream->lock);
}

/*
 * One try. Returns bytes, 0 at the end, -1 with errno EAGAIN to wait, EBUSY for another reader, ECANCELED when this one is gone: a new reader of the same
 * stream would miss what an old one took, or get it late.
 */
static int64_t
read_once (struct stream *stream, ttrpc_request *request, int patient, char *data, size_t len)
{
  int64_t n = 0;
  pthread_mutex_lock (&stream->lock);
  if (ttrpc_request_is_cancelled (request)) {
    errno = ECANCELED;
    n = -1;
  } else if (stream->held && patient) {
    errno = EBUSY;
    n = -1;
  } else if (stream->back_len > 0) {
    size_t taken = stream->back_len < len ? stream->back_len : len;
    memcpy (data, stream->back, taken);
    stream->back_len -= taken;
    memmove (stream->back, stream->back + taken, stream->back_len);
    n = (int64_t) taken;
  } else if (!stream->ended && stream->fd >= 0) {
    while ((n = read (stream->fd, data, len)) < 0 && errno == EINTR)
      ;
    if (n == 0 || (n < 0 && errno != EAGAIN)) { /* EIO: the last user of the terminal has gone */
      stream->ended = 1;
      n = 0;
    }
  }
  int saved = errno;
  if (n > 0)
    stream->held = 1;
  pthread_mutex_unlock (&stream->lock);
  errno = saved;
  return n;
}

static void
set_ended (struct stream *stream)
{
  pthread_mutex_lock (&stream->lock);
  stream->ended = 1;
  pthread_mutex_unlock (&stream->lock);
}

int64_t
stream_read (struct stream *stream, struct reaper *reaper, struct watch *watch, ttrpc_request *request, char *data,
             size_t len, struct fault *fault)
{
  for (int held_ms = 0;;) {
    int exited = watch_status (reaper, watch, NULL); /* before the read: what was written before the end is seen */
    int64_t n = read_once (stream, request, held_ms < STREAM_HELD_MS, data, len);
    if (n >= 0)
      return n;
    if (errno == ECANCELED)
      return fault_set (fault, TTRPC_CANCELLED, "the caller has gone or its time is over");
    if (errno == EBUSY) {
      struct pollfd gone = { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN };
      held_ms += poll (&gone, 1, HELD_STEP_MS) == 0 ? HELD_STEP_MS : 0;
      continue;
    }
    held_ms = 0;
    /* The descriptor of an output stream is closed only with the process object, which the caller holds. */
    struct pollfd events[3] = { { .fd = stream->fd, .events = POLLIN },
                                { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN },
                                { .fd = exited ? -1 : watch->event_fd, .events = POLLIN } };
    int ready = poll (events, 3, exited ? STREAM_DRAIN_MS : -1);
    if (ready < 0 && errno != EINTR)
      return fault_errno (fault, "cannot wait for output");
    if (events[1].revents && ready > 0)
      return fault_set (fault, TTRPC_CANCELLED, "the caller has gone or its time is over");
    if (ready == 0) {
      set_ended (stream); /* a child that outlives the process holds the pipe and is silent */
      return 0;
    }
  }
}

void
stream_release (struct stream *stream)
{
  pthread_mutex_lock (&stream->lock);
  stream->held = 0;
  pthread_mutex_unlock (&stream->lock);
}

void
stream_give_back (struct stream *stream, const char *data, size_t len)
{
  pthread_mutex_lock (&stream->lock);
  char *back = malloc (len + stream->back_len);
  if (back) { /* else it is lost, as it would be in the caller's own crash */
    memcpy (back, data, len);
    if (stream->back_len)
      memcpy (back + len, stream->back, stream->back_len);
    free (stream->back);
    stream->back = back;
    stream->back_len += len;
  }
  stream->held = 0;
  pthread_mutex_unlock (&stream->lock);
}

/* A duplicate, so that stream_close() by another thread cannot make the number mean another file. */
static int
stream_borrow (struct stream *stream)
{
  pthread_mutex_lock (&stream->lock);
  int fd = stream->fd < 0 ? -1 : fcntl (stream->fd, F_DUPFD_CLOEXEC, 3);
  pthread_mutex_unlock (&stream->lock);
  return fd;
}

int
stream_write (struct stream *stream, struct watch *watch, ttrpc_request *request, const void *data, size_t len,
              struct fault *fault)
{
  const char *at = data;
  auto_fd int fd = stream_borrow (stream);
  if (fd < 0)
    return fault_set (fault, TTRPC_FAILED_PRECONDITION, "standard input is closed");
  while (len > 0) {
    ssize_t n = write (fd, at, len);
    if (n >= 0) {
      at += n;
      len -= (size_t) n;
      continue;
    }
    if (errno != EAGAIN && errno != EINTR)
      return fault_errno (fault, "cannot write to standard input");
    struct pollfd events[3] = { { .fd = fd, .events = POLLOUT },
                                { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN },
                                { .fd = watch->event_fd, .events = POLLIN } };
    int ready = poll (events, 3, -1);
    if (ready > 0 && events[1].revents)
      return fault_set (fault, TTRPC_CANCELLED, "the caller has gone or its time is over");
    if (ready > 0 && events[2].revents && !(events[0].revents & POLLOUT))
      return fault_set (fault, TTRPC_FAILED_PRECONDITION, "the process has ended and does not read its standard input");
  }
  return 0;
}

void
stream_close (struct stream *stream)
{
  pthread_mutex_lock (&stream->lock);
  fd_clear (&stream->fd);
  pthread_mutex_unlock (&stream->lock);
}

int
stream_has_ended (struct stream *stream)
{
  pthread_mutex_lock (&stream->lock);
  int ended = (stream->ended || stream->fd < 0) && stream->back_len == 0;
  pthread_mutex_unlock (&stream->lock);
  return ended;
}
