/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chunk parser: whole and in pieces, after garbage, after filler at every place where a chunk can be cut. */
#include "proto/serial-chunk.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct seen {
  unsigned chunks, garbage;
  struct kata_serial_chunk last;
};

/* Feeds in pieces of at most @step bytes. */
static void
feed (struct kata_serial_parser *parser, const uint8_t *data, size_t len, size_t step, struct seen *seen)
{
  size_t at = 0;
  while (at < len) {
    enum kata_serial_event event;
    struct kata_serial_chunk chunk;
    size_t n = len - at < step ? len - at : step;
    size_t took = kata_serial_parser__feed (parser, data + at, n, &event, &chunk);
    ck_assert_uint_le (took, n);
    ck_assert (took > 0);
    at += took;
    if (event == KATA_SERIAL_CHUNK) {
      seen->chunks++;
      seen->last = chunk;
    } else if (event == KATA_SERIAL_GARBAGE)
      seen->garbage++;
  }
}

START_TEST (whole_and_in_pieces)
{
  uint8_t wire[256];
  size_t len = kata_serial_chunk__encode (wire, KATA_SERIAL_DATA, "hello", 5);
  len += kata_serial_chunk__encode (wire + len, KATA_SERIAL_RESET, "0123456789abcdef", 16);
  ck_assert_uint_eq (len, 5 + 16 + 2 * KATA_SERIAL_OVERHEAD);
  for (size_t step = 1; step <= len; step++) {
    struct kata_serial_parser parser;
    struct seen seen = { 0 };
    ck_assert_int_eq (kata_serial_parser__init (&parser), 0);
    feed (&parser, wire, len, step, &seen);
    ck_assert_uint_eq (seen.chunks, 2);
    ck_assert_uint_eq (seen.garbage, 0);
    ck_assert_uint_eq (seen.last.type, KATA_SERIAL_RESET);
    ck_assert_mem_eq (seen.last.payload, "0123456789abcdef", 16);
    kata_serial_parser__clear (&parser);
  }
}
END_TEST

START_TEST (cut_anywhere_then_filler)
{
  static uint8_t wire[KATA_SERIAL_PAYLOAD_MAX + KATA_SERIAL_OVERHEAD], after[KATA_SERIAL_FILLER_LEN + 64];
  static uint8_t payload[KATA_SERIAL_PAYLOAD_MAX];
  static const uint32_t sizes[] = { 1, 40, KATA_SERIAL_PAYLOAD_MAX };
  memset (payload, 'K', sizeof payload);
  size_t tail = KATA_SERIAL_FILLER_LEN +
                kata_serial_chunk__encode (after + KATA_SERIAL_FILLER_LEN, KATA_SERIAL_RESET, "0123456789abcdef", 16);

  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    size_t len = kata_serial_chunk__encode (wire, KATA_SERIAL_DATA, payload, sizes[s]);
    for (size_t cut = 1; cut<len; cut += len> 1000 && cut > 40 && cut < len - 40 ? 4096 : 1) {
      struct kata_serial_parser parser;
      struct seen seen = { 0 };
      ck_assert_int_eq (kata_serial_parser__init (&parser), 0);
      feed (&parser, wire, cut < len ? cut : len - 1, 16384, &seen);
      ck_assert_uint_eq (seen.chunks, 0);
      feed (&parser, after, tail, 16384, &seen);
      ck_assert_uint_eq (seen.chunks, 1);
      ck_assert_uint_eq (seen.garbage, 1);
      ck_assert_uint_eq (seen.last.type, KATA_SERIAL_RESET);
      kata_serial_parser__clear (&parser);
    }
  }
}
END_TEST

START_TEST (garbage_is_skipped)
{
  static const struct {
    const char *bytes;
    size_t len;
  } cases[] = {
    { "x", 1 },
    { "K", 1 },
    { "KSL", 3 },
    { "KSL1", 4 },
    { "KKSL1", 5 },
    { "KSL1X\0\0\0\5\0\0\0", 12 },
    { "KSL1D\1\0\0\5\0\0\0", 12 },
    { "KSL1D\0\0\0\0\0\0\0", 12 }, /* no payload */
    { "KSL1D\0\0\0\1\0\1\0", 12 }, /* 65537 */
    { "KSL1D\0\0\0\377\377\377\377", 12 },
    { "KSL1R\0\0\0\17\0\0\0", 12 },         /* a nonce of 15 */
    { "KSL1D\0\0\0\1\0\0\0a\0\0\0\0", 17 }, /* trailer of zeros */
  };
  uint8_t chunk[64];
  size_t len = kata_serial_chunk__encode (chunk, KATA_SERIAL_DATA, "data", 4);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct kata_serial_parser parser;
    struct seen seen = { 0 };
    ck_assert_int_eq (kata_serial_parser__init (&parser), 0);
    feed (&parser, (const uint8_t *) cases[i].bytes, cases[i].len, 3, &seen);
    ck_assert_uint_eq (seen.chunks, 0);
    feed (&parser, chunk, len, 3, &seen);
    ck_assert_msg (seen.chunks == 1 && seen.garbage == 1, "case %zu: %u chunks, %u garbage", i, seen.chunks,
                   seen.garbage);
    feed (&parser, chunk, len, 64, &seen);
    ck_assert_uint_eq (seen.chunks, 2);
    ck_assert_uint_eq (seen.garbage, 1);
    kata_serial_parser__clear (&parser);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("proto/serial-chunk");
  TCase *tc = tcase_create ("chunk");
  tcase_add_test (tc, whole_and_in_pieces);
  tcase_add_test (tc, cut_anywhere_then_filler);
  tcase_add_test (tc, garbage_is_skipped);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
