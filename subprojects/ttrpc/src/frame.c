/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and writing whole frames on a ttrpc_io; knows the 10-byte header, not what the payload means. */
#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
get_be32 (const uint8_t *p)
{
  return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | (uint32_t) p[3];
}

static void
put_be32 (uint8_t *p, uint32_t value)
{
  p[0] = (uint8_t) (value >> 24);
  p[1] = (uint8_t) (value >> 16);
  p[2] = (uint8_t) (value >> 8);
  p[3] = (uint8_t) value;
}

void
ttrpc_header_decode (struct ttrpc_header *out, const uint8_t bytes[TTRPC_HEADER_LEN])
{
  out->len = get_be32 (bytes);
  out->stream = get_be32 (bytes + 4);
  out->type = bytes[8];
  out->flags = bytes[9];
}

void
ttrpc_header_encode (uint8_t bytes[TTRPC_HEADER_LEN], const struct ttrpc_header *header)
{
  put_be32 (bytes, header->len);
  put_be32 (bytes + 4, header->stream);
  bytes[8] = header->type;
  bytes[9] = header->flags;
}

int
ttrpc__reader_init (struct ttrpc__reader *reader, const struct ttrpc_io *io)
{
  memset (reader, 0, sizeof *reader);
  reader->io = io;
  reader->stage = malloc (TTRPC__STAGE_LEN);
  return reader->stage == NULL ? -ENOMEM : 0;
}

void
ttrpc__reader_clear (struct ttrpc__reader *reader)
{
  free (reader->stage);
  free (reader->payload);
  memset (reader, 0, sizeof *reader);
}

/* > 0 bytes, 0 at the end, -errno. An io that claims more than it was given room for is not believed. */
static int64_t
read_some (const struct ttrpc_io *io, uint8_t *buf, size_t len)
{
  for (;;) {
    errno = 0;
    int64_t n = io->read (io->ctx, buf, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno != 0 ? -errno : -EIO;
    return (uint64_t) n > len ? -EIO : n;
  }
}

/* Up to @len bytes: from the stage if it holds any, straight into @buf if the rest is large, else through the stage. */
static int64_t
reader_some (struct ttrpc__reader *reader, uint8_t *buf, size_t len)
{
  if (reader->stage_pos == reader->stage_len) {
    if (len >= TTRPC__STAGE_LEN)
      return read_some (reader->io, buf, len);
    int64_t n = read_some (reader->io, reader->stage, TTRPC__STAGE_LEN);
    if (n <= 0)
      return n;
    reader->stage_pos = 0;
    reader->stage_len = (size_t) n;
  }
  size_t have = reader->stage_len - reader->stage_pos;
  size_t take = have < len ? have : len;
  memcpy (buf, reader->stage + reader->stage_pos, take);
  reader->stage_pos += take;
  return (int64_t) take;
}

int
ttrpc__reader_header (struct ttrpc__reader *reader, struct ttrpc_header *out)
{
  uint8_t bytes[TTRPC_HEADER_LEN];
  size_t got = 0;

  /* A large payload does not keep its memory while the connection is quiet. */
  if (reader->payload_cap > TTRPC__BUFFER_KEPT) {
    free (reader->payload);
    reader->payload = NULL;
    reader->payload_cap = 0;
  }
  while (got < sizeof bytes) {
    int64_t n = reader_some (reader, bytes + got, sizeof bytes - got);
    if (n < 0)
      return (int) n;
    if (n == 0)
      return got == 0 ? 0 : -EPIPE;
    got += (size_t) n;
  }
  ttrpc_header_decode (out, bytes);
  return 1;
}

static int
reader_grow (struct ttrpc__reader *reader, size_t got, size_t want)
{
  if (got < reader->payload_cap)
    return 0;
  size_t cap = reader->payload_cap == 0 ? TTRPC__BUFFER_MIN : reader->payload_cap * 2;
  if (cap > TTRPC__BUFFER_MIN && cap > want)
    cap = want;
  uint8_t *grown = realloc (reader->payload, cap);
  if (grown == NULL)
    return -ENOMEM;
  reader->payload = grown;
  reader->payload_cap = cap;
  return 0;
}

int
ttrpc__reader_payload (struct ttrpc__reader *reader, const struct ttrpc_header *header, const uint8_t **out)
{
  size_t want = header->len;
  size_t got = 0;

  if (want > TTRPC_MAX_PAYLOAD)
    return -EMSGSIZE;
  while (got < want) {
    int r = reader_grow (reader, got, want);
    if (r < 0)
      return r;
    size_t room = reader->payload_cap - got;
    int64_t n = reader_some (reader, reader->payload + got, room < want - got ? room : want - got);
    if (n <= 0)
      return n < 0 ? (int) n : -EPIPE;
    got += (size_t) n;
  }
  *out = reader->payload;
  return 1;
}

int
ttrpc__reader_discard (struct ttrpc__reader *reader, size_t len)
{
  uint8_t sink[4096];

  while (len > 0) {
    int64_t n = reader_some (reader, sink, len < sizeof sink ? len : sizeof sink);
    if (n <= 0)
      return n < 0 ? (int) n : -EPIPE;
    len -= (size_t) n;
  }
  return 1;
}

int
ttrpc__write_all (const struct ttrpc_io *io, const uint8_t *data, size_t len)
{
  while (len > 0) {
    errno = 0;
    int64_t n = io->write (io->ctx, data, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno != 0 ? -errno : -EIO;
    if (n == 0 || (uint64_t) n > len)
      return -EPIPE;
    data += n;
    len -= (size_t) n;
  }
  return 0;
}
