/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and writing whole frames on a ttrpc_io; knows the 10-byte header, not what the payload means. */
#ifndef TTRPC_FRAME_H
#define TTRPC_FRAME_H

#include "ttrpc/ttrpc.h"

#define TTRPC__STAGE_LEN  (16u << 10)
#define TTRPC__BUFFER_MIN (64u << 10)
/* A buffer that is no larger is kept for the next frame. */
#define TTRPC__BUFFER_KEPT (192u << 10)

/* A frame to be written: header and payload in one allocation. */
struct ttrpc__frame {
  uint8_t *data;
  size_t len;
};

/*
 * Reads frames. The payload buffer grows with the bytes that have arrived, never with the length that was announced, and never
 * above TTRPC_MAX_PAYLOAD; small reads are gathered in the stage, so that many short frames cost few system calls.
 */
struct ttrpc__reader {
  const struct ttrpc_io *io;
  uint8_t *payload;
  size_t payload_cap;
  size_t stage_pos;
  size_t stage_len;
  uint8_t *stage;
};

/* 0 or -ENOMEM. */
int ttrpc__reader_init (struct ttrpc__reader *reader, const struct ttrpc_io *io);
void ttrpc__reader_clear (struct ttrpc__reader *reader);

/* 1 = a header, 0 = the stream ended between frames, -errno (-EPIPE: ended inside a header). */
int ttrpc__reader_header (struct ttrpc__reader *reader, struct ttrpc_header *out);
/* After a header with len <= TTRPC_MAX_PAYLOAD: 1, or -errno; @out is valid until the next call. */
int ttrpc__reader_payload (struct ttrpc__reader *reader, const struct ttrpc_header *header, const uint8_t **out);
/* Reads and drops @len bytes; 1 or -errno. */
int ttrpc__reader_discard (struct ttrpc__reader *reader, size_t len);

/* Writes all of it; 0 or -errno. The caller serialises writers. */
int ttrpc__write_all (const struct ttrpc_io *io, const uint8_t *data, size_t len);

#endif
