/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-chunk: the units in which bytes travel over a serial port, made and found again; pure, no descriptor. */
#ifndef KATA_PROTO_SERIAL_CHUNK_H
#define KATA_PROTO_SERIAL_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * All little-endian:
 *   u32 magic "KSL1" · u8 type · u8 zero[3] · u32 len · payload[len] · u32 trailer = ~len ^ magic
 * A trailer is never made of zeros, not even in part: the filler that a new session starts with cannot complete a broken chunk.
 */
#define KATA_SERIAL_MAGIC       0x314c534bu
#define KATA_SERIAL_HEADER_LEN  12u
#define KATA_SERIAL_TRAILER_LEN 4u
#define KATA_SERIAL_OVERHEAD    (KATA_SERIAL_HEADER_LEN + KATA_SERIAL_TRAILER_LEN)
#define KATA_SERIAL_PAYLOAD_MAX 65536u
#define KATA_SERIAL_NONCE_LEN   16u
/* Whatever chunk a reader thinks it is in, so many zeros bring it out of it. */
#define KATA_SERIAL_FILLER_LEN (KATA_SERIAL_PAYLOAD_MAX + KATA_SERIAL_OVERHEAD)

enum kata_serial_type {
  KATA_SERIAL_DATA = 'D',  /* both ways; 1 byte or more */
  KATA_SERIAL_RESET = 'R', /* to the guest: forget the session, start one with this nonce */
  KATA_SERIAL_ACK = 'A',   /* to the host: what follows belongs to the session of this nonce */
};

struct kata_serial_chunk {
  uint8_t type;
  uint32_t len;
  const uint8_t *payload; /* in the parser; valid until it is fed again */
};

enum kata_serial_event {
  KATA_SERIAL_MORE,    /* all consumed; feed more */
  KATA_SERIAL_CHUNK,   /* a whole chunk with a valid trailer */
  KATA_SERIAL_GARBAGE, /* what came is no chunk; told once per loss of step */
};

struct kata_serial_parser {
  uint8_t *buffer; /* header, payload, trailer of the chunk at hand */
  size_t have;
  bool in_step; /* the last thing seen was a chunk */
};

/* 0 or -ENOMEM. */
int kata_serial_parser__init (struct kata_serial_parser *parser);
void kata_serial_parser__clear (struct kata_serial_parser *parser);
/* Takes bytes up to the first event; returns how many. */
size_t kata_serial_parser__feed (struct kata_serial_parser *parser, const uint8_t *data, size_t len,
                                 enum kata_serial_event *event, struct kata_serial_chunk *chunk);

/* Writes a chunk of @len <= KATA_SERIAL_PAYLOAD_MAX to @out (len + KATA_SERIAL_OVERHEAD bytes); returns its size. */
size_t kata_serial_chunk__encode (uint8_t *out, enum kata_serial_type type, const void *payload, uint32_t len);

#endif
