/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-port: the descriptor under a serial link: waits, reads chunks, writes, is woken; knows no session. */
#include "proto/serial-port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A port whose host left is looked at often at first (a restart, or the boot), then five times a second. */
#define NAP_SHORT_MS  20
#define NAP_LONG_MS   200
#define NAP_SHORT_FOR 3000

int64_t
kata_serial_port__now (void)
{
  struct timespec ts;
  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
kata_serial_port__init (struct kata_serial_port *port, int fd, bool patient)
{
  *port = (struct kata_serial_port){ .fd = fd, .patient = patient };
  atomic_init (&port->woken, false);
  port->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  int r = port->wake < 0 ? -errno : 0;
  int flags = fcntl (fd, F_GETFL);
  if (r == 0 && (flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0))
    r = -errno;
  port->raw = malloc (KATA_SERIAL_RAW_LEN);
  port->out = malloc (KATA_SERIAL_PAYLOAD_MAX + KATA_SERIAL_OVERHEAD);
  if (r == 0 && (port->raw == NULL || port->out == NULL))
    r = -ENOMEM;
  if (r == 0)
    r = kata_serial_parser__init (&port->parser);
  if (r < 0)
    kata_serial_port__clear (port);
  return r;
}

void
kata_serial_port__clear (struct kata_serial_port *port)
{
  kata_serial_parser__clear (&port->parser);
  free (port->raw);
  free (port->out);
  port->raw = port->out = NULL;
  if (port->wake >= 0)
    close (port->wake);
  if (port->fd >= 0)
    close (port->fd);
  port->wake = port->fd = -1;
}

void
kata_serial_port__wake (struct kata_serial_port *port)
{
  uint64_t one = 1;
  atomic_store (&port->woken, true);
  /* Fails only if the counter is full, and then it is readable already. */
  if (write (port->wake, &one, sizeof one) < 0)
    return;
}

void
kata_serial_port__rearm (struct kata_serial_port *port)
{
  uint64_t count;
  atomic_store (&port->woken, false);
  if (read (port->wake, &count, sizeof count) < 0)
    return;
}

enum kata_serial_event
kata_serial_port__parse (struct kata_serial_port *port, struct kata_serial_chunk *chunk)
{
  enum kata_serial_event event = KATA_SERIAL_MORE;
  if (port->raw_pos < port->raw_len)
    port->raw_pos += kata_serial_parser__feed (&port->parser, port->raw + port->raw_pos, port->raw_len - port->raw_pos,
                                               &event, chunk);
  return event;
}

int
kata_serial_port__fill (struct kata_serial_port *port)
{
  ssize_t n = read (port->fd, port->raw, KATA_SERIAL_RAW_LEN);
  if (n < 0)
    return errno == EINTR ? -EAGAIN : -errno;
  port->raw_pos = 0;
  port->raw_len = (size_t) n;
  if (n > 0)
    port->away_since = 0;
  return (int) n;
}

static int
poll_timeout (int64_t deadline)
{
  if (deadline == KATA_SERIAL_NEVER)
    return -1;
  int64_t left = deadline - kata_serial_port__now ();
  if (left < 0)
    return 0;
  return left > 60000 ? 60000 : (int) left;
}

int
kata_serial_port__wait (struct kata_serial_port *port, short events, int64_t deadline)
{
  for (;;) {
    if (atomic_load (&port->woken))
      return -ECANCELED;
    struct pollfd fds[2] = { { .fd = port->fd, .events = events }, { .fd = port->wake, .events = POLLIN } };
    int n = poll (fds, 2, poll_timeout (deadline));
    if (n < 0 && errno != EINTR)
      return -errno;
    if (n > 0 && fds[1].revents != 0)
      continue;
    if (n > 0 && (fds[0].revents & events) != 0)
      return fds[0].revents & events;
    if (n > 0 && (fds[0].revents & POLLNVAL) != 0)
      return -EBADF;
    if (n > 0)
      return 0;
    if (deadline != KATA_SERIAL_NEVER && kata_serial_port__now () >= deadline)
      return -ETIMEDOUT;
  }
}

int
kata_serial_port__nap (struct kata_serial_port *port)
{
  int64_t now = kata_serial_port__now ();
  if (port->away_since == 0)
    port->away_since = now;
  /* Only the wake is polled: the port itself would say "hung up" at once, again and again. */
  struct pollfd wake = { .fd = port->wake, .events = POLLIN };
  (void) poll (&wake, 1, now - port->away_since < NAP_SHORT_FOR ? NAP_SHORT_MS : NAP_LONG_MS);
  return atomic_load (&port->woken) ? -ECANCELED : 0;
}

int64_t
kata_serial_port__put (struct kata_serial_port *port, const void *data, size_t len)
{
  /* A socket whose reader is gone must not raise SIGPIPE in the program that uses the library; other descriptors do not know the flag. */
  ssize_t n = send (port->fd, data, len, MSG_NOSIGNAL);
  if (n < 0 && errno == ENOTSOCK)
    n = write (port->fd, data, len);
  if (n > 0)
    return n;
  return n == 0 || errno == EINTR ? -EAGAIN : -errno;
}

int
kata_serial_port__write (struct kata_serial_port *port, const void *data, size_t len)
{
  const uint8_t *at = data;

  while (len > 0) {
    if (atomic_load (&port->woken))
      return -ECANCELED;
    int64_t n = kata_serial_port__put (port, at, len);
    if (n > 0) {
      at += n;
      len -= (size_t) n;
      continue;
    }
    if (n != -EAGAIN)
      return (int) n;
    int r = kata_serial_port__wait (port, POLLOUT, KATA_SERIAL_NEVER);
    if (r < 0)
      return r;
    /* Nobody there. The reader, if there is one, has seen it too and ends the session, which wakes us. */
    if (r == 0) {
      if (!port->patient)
        return -EPIPE;
      struct pollfd wake = { .fd = port->wake, .events = POLLIN };
      (void) poll (&wake, 1, NAP_SHORT_MS);
    }
  }
  return 0;
}

int64_t
kata_serial_port__write_data (struct kata_serial_port *port, const void *data, size_t len)
{
  if (len == 0)
    return 0;
  uint32_t n = len > KATA_SERIAL_PAYLOAD_MAX ? KATA_SERIAL_PAYLOAD_MAX : (uint32_t) len;
  size_t size = kata_serial_chunk__encode (port->out, KATA_SERIAL_DATA, data, n);
  int r = kata_serial_port__write (port, port->out, size);
  return r < 0 ? r : (int64_t) n;
}
