/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-link, the host's end: begins one session and is its stream. The guest's end is in serial-link-guest.c. */
#include "proto/serial-link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "proto/serial-port.h"

/* The guest ignores a repeated reset of the session that it is in, so an impatient host does no harm. */
#define REPEAT_MS 1000

struct host_link {
  struct kata_serial_port port;
  struct kata_serial_chunk chunk; /* what is left of the data chunk at hand */
  uint8_t nonce[KATA_SERIAL_NONCE_LEN];
};

static int64_t
host_fail (int r)
{
  errno = -r;
  return -1;
}

/* What remains of the chunk at hand. */
static int64_t
chunk_take (struct kata_serial_chunk *chunk, void *buf, size_t len)
{
  uint32_t n = chunk->len < len ? chunk->len : (uint32_t) len;
  memcpy (buf, chunk->payload, n);
  chunk->payload += n;
  chunk->len -= n;
  return n;
}

static int64_t
host_read (void *ctx, void *buf, size_t len)
{
  struct host_link *link = ctx;

  if (len == 0)
    return 0;
  for (;;) {
    if (link->chunk.len > 0)
      return chunk_take (&link->chunk, buf, len);
    switch (kata_serial_port__parse (&link->port, &link->chunk)) {
    case KATA_SERIAL_CHUNK:
      if (link->chunk.type == KATA_SERIAL_DATA)
        continue;
      link->chunk.len = 0;
      return host_fail (-EPROTO);
    case KATA_SERIAL_GARBAGE:
      return host_fail (-EPROTO);
    case KATA_SERIAL_MORE:
      break;
    }
    if (link->port.raw_pos < link->port.raw_len)
      continue;
    int r = kata_serial_port__wait (&link->port, POLLIN, KATA_SERIAL_NEVER);
    if (r == -ECANCELED || r == 0)
      return 0;
    if (r > 0)
      r = kata_serial_port__fill (&link->port);
    if (r == 0)
      return 0;
    if (r < 0 && r != -EAGAIN)
      return host_fail (r);
  }
}

static int64_t
host_write (void *ctx, const void *buf, size_t len)
{
  struct host_link *link = ctx;
  int64_t n = kata_serial_port__write_data (&link->port, buf, len);
  return n < 0 ? host_fail (n == -ECANCELED ? -EPIPE : (int) n) : n;
}

static void
host_shutdown (void *ctx)
{
  struct host_link *link = ctx;
  kata_serial_port__wake (&link->port);
}

static void
host_close (void *ctx)
{
  struct host_link *link = ctx;
  kata_serial_port__clear (&link->port);
  free (link);
}

/* Has the answer with our nonce come? Everything before it is of no interest. 1, 0 or -errno. */
static int
answer_look (struct host_link *link)
{
  int r = kata_serial_port__fill (&link->port);
  if (r == 0)
    return -EPIPE;
  if (r < 0)
    return r == -EAGAIN ? 0 : r;
  while (link->port.raw_pos < link->port.raw_len) {
    struct kata_serial_chunk chunk;
    if (kata_serial_port__parse (&link->port, &chunk) != KATA_SERIAL_CHUNK)
      continue;
    if (chunk.type == KATA_SERIAL_ACK && memcmp (chunk.payload, link->nonce, sizeof link->nonce) == 0)
      return 1;
  }
  return 0;
}

/* The preface on its way out. */
struct preface {
  uint8_t *data;
  size_t len, sent;
  int64_t repeat_at;
};

static int
preface_send (struct host_link *link, struct preface *preface)
{
  int64_t n = kata_serial_port__put (&link->port, preface->data + preface->sent, preface->len - preface->sent);
  if (n < 0)
    return n == -EAGAIN ? 0 : (int) n;
  preface->sent += (size_t) n;
  if (preface->sent == preface->len)
    preface->repeat_at = kata_serial_port__now () + REPEAT_MS;
  return 0;
}

/* Sends and listens at the same time: the guest may be blocked in a write of the old session before it reads again. */
static int
host_greet (struct host_link *link, struct preface *preface, int64_t deadline)
{
  for (;;) {
    bool sending = preface->sent < preface->len;
    int64_t until = sending || preface->repeat_at > deadline ? deadline : preface->repeat_at;
    int r = kata_serial_port__wait (&link->port, (short) (POLLIN | (sending ? POLLOUT : 0)), until);
    if (r == -ETIMEDOUT && kata_serial_port__now () < deadline) {
      preface->sent = KATA_SERIAL_FILLER_LEN; /* the reset alone: filler would cut a session short that has begun */
      continue;
    }
    if (r <= 0)
      return r < 0 ? r : -EPIPE;
    if ((r & POLLIN) != 0) {
      int found = answer_look (link);
      if (found != 0)
        return found < 0 ? found : 0;
    }
    if (sending && (r & POLLOUT) != 0) {
      int sent = preface_send (link, preface);
      if (sent < 0)
        return sent;
    }
  }
}

static int
nonce_make (uint8_t *nonce)
{
  size_t got = 0;
  while (got < KATA_SERIAL_NONCE_LEN) {
    ssize_t n = getrandom (nonce + got, KATA_SERIAL_NONCE_LEN - got, 0);
    if (n < 0 && errno != EINTR)
      return -errno;
    if (n > 0)
      got += (size_t) n;
  }
  return 0;
}

int
kata_serial_link__connect (struct ttrpc_io *out, int fd, int64_t timeout_ms)
{
  int64_t deadline;
  if (timeout_ms < 0 || __builtin_add_overflow (kata_serial_port__now (), timeout_ms, &deadline))
    deadline = KATA_SERIAL_NEVER;

  struct host_link *link = calloc (1, sizeof *link);
  if (link == NULL) {
    close (fd);
    return -ENOMEM;
  }
  int r = kata_serial_port__init (&link->port, fd, false);
  if (r < 0) {
    free (link);
    return r;
  }
  struct preface preface = { .repeat_at = KATA_SERIAL_NEVER };
  preface.data = calloc (1, KATA_SERIAL_FILLER_LEN + KATA_SERIAL_NONCE_LEN + KATA_SERIAL_OVERHEAD);
  r = preface.data == NULL ? -ENOMEM : nonce_make (link->nonce);
  if (r == 0) {
    preface.len =
        KATA_SERIAL_FILLER_LEN + kata_serial_chunk__encode (preface.data + KATA_SERIAL_FILLER_LEN, KATA_SERIAL_RESET,
                                                            link->nonce, sizeof link->nonce);
    r = host_greet (link, &preface, deadline);
    if (r == -ECONNRESET)
      r = -EPIPE; /* the same to the caller: which it is depends on whether bytes lay unread */
  }
  free (preface.data);
  if (r < 0) {
    host_close (link);
    return r;
  }
  *out = (struct ttrpc_io){ link, host_read, host_write, host_shutdown, host_close };
  return 0;
}
