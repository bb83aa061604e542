/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: bytes on a serial port to the chunk parser. Filler and a reset must be understood whatever came before them. */
#include <stdlib.h>
#include <string.h>

#include "proto/serial-chunk.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Returns the type of the last chunk, 0 if there was none. */
static int
feed (struct kata_serial_parser *parser, const uint8_t *data, size_t size, size_t step)
{
  int last = 0;
  for (size_t at = 0; at < size;) {
    enum kata_serial_event event;
    struct kata_serial_chunk chunk = { 0 };
    size_t took = kata_serial_parser__feed (parser, data + at, size - at < step ? size - at : step, &event, &chunk);
    if (took == 0 || took > step)
      abort ();
    at += took;
    if (event != KATA_SERIAL_CHUNK)
      continue;
    if (chunk.len == 0 || chunk.len > KATA_SERIAL_PAYLOAD_MAX)
      abort ();
    volatile uint8_t touch = chunk.payload[0];
    touch = chunk.payload[chunk.len - 1];
    (void) touch;
    last = chunk.type;
  }
  return last;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static uint8_t after[KATA_SERIAL_FILLER_LEN + KATA_SERIAL_OVERHEAD + KATA_SERIAL_NONCE_LEN];
  struct kata_serial_parser parser;
  if (size == 0 || kata_serial_parser__init (&parser) < 0)
    return 0;
  size_t len = KATA_SERIAL_FILLER_LEN + kata_serial_chunk__encode (after + KATA_SERIAL_FILLER_LEN, KATA_SERIAL_RESET,
                                                                   "0123456789abcdef", KATA_SERIAL_NONCE_LEN);
  feed (&parser, data + 1, size - 1, data[0] + 1U);
  if (feed (&parser, after, len, sizeof after) != KATA_SERIAL_RESET)
    abort ();
  kata_serial_parser__clear (&parser);
  return 0;
}
