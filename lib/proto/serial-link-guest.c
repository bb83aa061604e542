/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-link, the guest's end: one session after the other over a port. The host's end is in serial-link-host.c. */
#include "proto/serial-link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/serial-port.h"

struct kata_serial_link {
  struct kata_serial_port port;
  atomic_bool stop;
  atomic_bool over;               /* the session's stream has ended */
  bool pending;                   /* a reset has come that is not yet answered */
  struct kata_serial_chunk chunk; /* what is left of the data chunk at hand */
  uint8_t nonce[KATA_SERIAL_NONCE_LEN];
};

int
kata_serial_link__new (kata_serial_link **out, int fd)
{
  kata_serial_link *link = calloc (1, sizeof *link);
  if (link == NULL) {
    close (fd);
    return -ENOMEM;
  }
  int r = kata_serial_port__init (&link->port, fd, true);
  if (r < 0) {
    free (link);
    return r;
  }
  *out = link;
  return 0;
}

void
kata_serial_link__free (kata_serial_link *link)
{
  if (link == NULL)
    return;
  kata_serial_port__clear (&link->port);
  free (link);
}

void
kata_serial_link__stop (kata_serial_link *link)
{
  atomic_store (&link->stop, true);
  kata_serial_port__wake (&link->port);
}

/* The next thing on the port, if need be after a wait: a chunk, garbage, or MORE with 0 = host away, -ECANCELED, -errno in @why. */
static enum kata_serial_event
link_next (kata_serial_link *link, struct kata_serial_chunk *chunk, int *why)
{
  for (;;) {
    enum kata_serial_event event = kata_serial_port__parse (&link->port, chunk);
    if (event != KATA_SERIAL_MORE)
      return event;
    if (link->port.raw_pos < link->port.raw_len)
      continue;
    int r = kata_serial_port__wait (&link->port, POLLIN, KATA_SERIAL_NEVER);
    if (r > 0)
      r = kata_serial_port__fill (&link->port);
    if (r > 0 || r == -EAGAIN)
      continue;
    *why = r;
    return KATA_SERIAL_MORE;
  }
}

/* Whether a chunk is a reset; one of another session is remembered as the next to answer. */
static bool
link_reset (kata_serial_link *link, const struct kata_serial_chunk *chunk)
{
  if (chunk->type != KATA_SERIAL_RESET)
    return false;
  memcpy (link->nonce, chunk->payload, sizeof link->nonce);
  link->pending = true;
  return true;
}

static int64_t
session_read (void *ctx, void *buf, size_t len)
{
  kata_serial_link *link = ctx;

  while (len > 0 && !atomic_load (&link->over)) {
    if (link->chunk.len > 0) {
      uint32_t n = link->chunk.len < len ? link->chunk.len : (uint32_t) len;
      memcpy (buf, link->chunk.payload, n);
      link->chunk.payload += n;
      link->chunk.len -= n;
      return n;
    }
    struct kata_serial_chunk chunk;
    int why = 0;
    enum kata_serial_event event = link_next (link, &chunk, &why);
    if (event == KATA_SERIAL_CHUNK && chunk.type == KATA_SERIAL_DATA)
      link->chunk = chunk;
    else if (event == KATA_SERIAL_CHUNK && chunk.type == KATA_SERIAL_RESET &&
             memcmp (chunk.payload, link->nonce, sizeof link->nonce) == 0)
      continue; /* repeated by a host that our answer had not reached */
    else {
      /* Garbage is the end as well: it is how the next session starts after a host died in the middle of a chunk. */
      if (event == KATA_SERIAL_CHUNK)
        link_reset (link, &chunk);
      atomic_store (&link->over, true);
    }
  }
  return 0;
}

static int64_t
session_write (void *ctx, const void *buf, size_t len)
{
  kata_serial_link *link = ctx;
  int64_t n = atomic_load (&link->over) ? -EPIPE : kata_serial_port__write_data (&link->port, buf, len);
  if (n >= 0)
    return n;
  errno = n == -ECANCELED ? EPIPE : (int) -n;
  return -1;
}

static void
session_shutdown (void *ctx)
{
  kata_serial_link *link = ctx;
  atomic_store (&link->over, true);
  kata_serial_port__wake (&link->port);
}

static void
session_close (void *ctx)
{
  (void) ctx; /* the port goes on */
}

/* Waits for a reset. 0, -ECANCELED or -errno. */
static int
link_hunt (kata_serial_link *link)
{
  while (!link->pending) {
    struct kata_serial_chunk chunk;
    int why = 0;
    enum kata_serial_event event = link_next (link, &chunk, &why);
    if (event == KATA_SERIAL_CHUNK)
      link_reset (link, &chunk);
    if (event != KATA_SERIAL_MORE)
      continue;
    if (why == 0)
      why = kata_serial_port__nap (&link->port);
    if (why < 0)
      return why;
  }
  return 0;
}

/* Filler, for whatever chunk the host may think it is in, and the answer. */
static int
link_answer (kata_serial_link *link)
{
  uint8_t answer[KATA_SERIAL_NONCE_LEN + KATA_SERIAL_OVERHEAD];
  size_t len = kata_serial_chunk__encode (answer, KATA_SERIAL_ACK, link->nonce, sizeof link->nonce);

  link->pending = false;
  memset (link->port.out, 0, KATA_SERIAL_FILLER_LEN);
  int r = kata_serial_port__write (&link->port, link->port.out, KATA_SERIAL_FILLER_LEN);
  return r < 0 ? r : kata_serial_port__write (&link->port, answer, len);
}

int
kata_serial_link__serve (kata_serial_link *link, kata_serial_link_session_fn session, void *user)
{
  const struct ttrpc_io io = { link, session_read, session_write, session_shutdown, session_close };

  for (;;) {
    kata_serial_port__rearm (&link->port);
    /* After the rearm: a stop that came just before it is seen here, a later one by the port. */
    if (atomic_load (&link->stop))
      return 0;
    int r = link_hunt (link);
    if (r == 0)
      r = link_answer (link);
    if (r == -ECANCELED)
      continue;
    if (r < 0)
      return r;
    link->chunk.len = 0;
    atomic_store (&link->over, false);
    session (user, &io);
  }
}
