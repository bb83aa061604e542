/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-chunk: the units in which bytes travel over a serial port, made and found again; pure, no descriptor. */
#include "proto/serial-chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
get_le32 (const uint8_t *p)
{
  return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static void
put_le32 (uint8_t *p, uint32_t value)
{
  p[0] = (uint8_t) value;
  p[1] = (uint8_t) (value >> 8);
  p[2] = (uint8_t) (value >> 16);
  p[3] = (uint8_t) (value >> 24);
}

static uint32_t
trailer_of (uint32_t len)
{
  return ~len ^ KATA_SERIAL_MAGIC;
}

size_t
kata_serial_chunk__encode (uint8_t *out, enum kata_serial_type type, const void *payload, uint32_t len)
{
  put_le32 (out, KATA_SERIAL_MAGIC);
  put_le32 (out + 4, (uint8_t) type);
  put_le32 (out + 8, len);
  if (len > 0)
    memcpy (out + KATA_SERIAL_HEADER_LEN, payload, len);
  put_le32 (out + KATA_SERIAL_HEADER_LEN + len, trailer_of (len));
  return KATA_SERIAL_OVERHEAD + len;
}

int
kata_serial_parser__init (struct kata_serial_parser *parser)
{
  *parser =
      (struct kata_serial_parser){ .buffer = malloc (KATA_SERIAL_PAYLOAD_MAX + KATA_SERIAL_OVERHEAD), .in_step = true };
  return parser->buffer == NULL ? -ENOMEM : 0;
}

void
kata_serial_parser__clear (struct kata_serial_parser *parser)
{
  free (parser->buffer);
  *parser = (struct kata_serial_parser){ 0 };
}

/* Whether the bytes at hand can be the beginning of a header; all of one when there are enough. */
static bool
header_plausible (const uint8_t *bytes, size_t have)
{
  static const uint8_t magic[4] = { 'K', 'S', 'L', '1' };

  if (memcmp (bytes, magic, have < 4 ? have : 4) != 0)
    return false;
  if (have > 4 && bytes[4] != KATA_SERIAL_DATA && bytes[4] != KATA_SERIAL_RESET && bytes[4] != KATA_SERIAL_ACK)
    return false;
  for (size_t i = 5; i < have && i < 8; i++)
    if (bytes[i] != 0)
      return false;
  if (have < KATA_SERIAL_HEADER_LEN)
    return true;
  uint32_t len = get_le32 (bytes + 8);
  if (bytes[4] == KATA_SERIAL_DATA)
    return len >= 1 && len <= KATA_SERIAL_PAYLOAD_MAX;
  return len == KATA_SERIAL_NONCE_LEN;
}

/* Throws away bytes from the front until what is left can be the beginning of a header. Returns whether any were thrown away. */
static bool
header_hunt (struct kata_serial_parser *parser)
{
  size_t skip = 0;
  while (skip < parser->have && !header_plausible (parser->buffer + skip, parser->have - skip))
    skip++;
  memmove (parser->buffer, parser->buffer + skip, parser->have - skip);
  parser->have -= skip;
  return skip > 0;
}

/* Moves bytes from @data into the buffer, up to @want in all; returns how many. */
static size_t
take (struct kata_serial_parser *parser, const uint8_t *data, size_t len, size_t want)
{
  size_t n = want - parser->have;
  if (n > len)
    n = len;
  memcpy (parser->buffer + parser->have, data, n);
  parser->have += n;
  return n;
}

static enum kata_serial_event
lost_step (struct kata_serial_parser *parser)
{
  bool was_in_step = parser->in_step;
  parser->in_step = false;
  return was_in_step ? KATA_SERIAL_GARBAGE : KATA_SERIAL_MORE;
}

/* The chunk is whole: does its end agree with its beginning? */
static enum kata_serial_event
chunk_finish (struct kata_serial_parser *parser, struct kata_serial_chunk *chunk)
{
  uint32_t len = get_le32 (parser->buffer + 8);
  parser->have = 0;
  if (get_le32 (parser->buffer + KATA_SERIAL_HEADER_LEN + len) != trailer_of (len))
    return lost_step (parser);
  parser->in_step = true;
  *chunk = (struct kata_serial_chunk){ parser->buffer[4], len, parser->buffer + KATA_SERIAL_HEADER_LEN };
  return KATA_SERIAL_CHUNK;
}

size_t
kata_serial_parser__feed (struct kata_serial_parser *parser, const uint8_t *data, size_t len,
                          enum kata_serial_event *event, struct kata_serial_chunk *chunk)
{
  size_t at = 0;

  *event = KATA_SERIAL_MORE;
  while (at < len && *event == KATA_SERIAL_MORE) {
    if (parser->have == 0 && data[at] != 'K') {
      /* The common kind of garbage, 64 KiB of filler, goes by in one look. */
      const uint8_t *next = memchr (data + at, 'K', len - at);
      at = next == NULL ? len : (size_t) (next - data);
      *event = lost_step (parser);
    } else if (parser->have < KATA_SERIAL_HEADER_LEN) {
      at += take (parser, data + at, len - at, KATA_SERIAL_HEADER_LEN);
      if (header_hunt (parser))
        *event = lost_step (parser);
    } else {
      size_t whole = KATA_SERIAL_OVERHEAD + get_le32 (parser->buffer + 8);
      at += take (parser, data + at, len - at, whole);
      if (parser->have == whole)
        *event = chunk_finish (parser, chunk);
    }
  }
  return at;
}
