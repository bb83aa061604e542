/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames that no honest peer sends, to the server and to the client: answered, dropped or ended, and never held in memory. */
#include "bed.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* service "t", method "echo", payload "hi" */
static const uint8_t echo[] = { 0x0a, 1, 't', 0x12, 4, 'e', 'c', 'h', 'o', 0x1a, 2, 'h', 'i' };

static void
put (int fd, const void *data, size_t len)
{
  for (size_t at = 0; at < len;) {
    ssize_t n = send (fd, (const char *) data + at, len - at, MSG_NOSIGNAL);
    ck_assert_int_gt (n, 0);
    at += (size_t) n;
  }
}

static void
put_frame (int fd, uint32_t len, uint32_t stream, uint8_t type, const void *payload, size_t payload_len)
{
  uint8_t header[TTRPC_HEADER_LEN];
  struct ttrpc_header h = { .len = len, .stream = stream, .type = type };
  ttrpc_header_encode (header, &h);
  put (fd, header, sizeof header);
  put (fd, payload, payload_len);
}

static bool
readable (int fd, int timeout_ms)
{
  struct pollfd p = { .fd = fd, .events = POLLIN };
  return poll (&p, 1, timeout_ms) == 1;
}

static void
get_all (int fd, uint8_t *buf, size_t len)
{
  for (size_t at = 0; at < len;) {
    ck_assert (readable (fd, 5000));
    ssize_t n = recv (fd, buf + at, len - at, 0);
    ck_assert_int_gt (n, 0);
    at += (size_t) n;
  }
}

/* The status code of the next response (its first bytes, when there is a status: 0a LEN 08 CODE), and its stream. */
static int
next_code (int fd, uint32_t *stream)
{
  uint8_t header[TTRPC_HEADER_LEN], payload[1024];
  struct ttrpc_header h;
  get_all (fd, header, sizeof header);
  ttrpc_header_decode (&h, header);
  ck_assert_uint_eq (h.type, TTRPC_TYPE_RESPONSE);
  ck_assert_uint_le (h.len, sizeof payload);
  get_all (fd, payload, h.len);
  *stream = h.stream;
  return h.len > 3 && payload[0] == 0x0a && payload[2] == 0x08 ? payload[3] : TTRPC_OK;
}

static const struct {
  const char *name;
  uint32_t stream;
  uint8_t type;
  const char *payload;
  size_t payload_len;
  int code; /* -1: no answer */
} frames[] = {
  { "length 0", 1, 1, "", 0, TTRPC_UNIMPLEMENTED },
  { "even stream", 2, 1, (const char *) echo, 13, TTRPC_INVALID_ARGUMENT },
  { "stream 0", 0, 1, (const char *) echo, 13, TTRPC_INVALID_ARGUMENT },
  { "type 0", 1, 0, (const char *) echo, 13, TTRPC_INVALID_ARGUMENT },
  { "type 4", 1, 4, (const char *) echo, 13, TTRPC_INVALID_ARGUMENT },
  { "type 255", 1, 255, "", 0, TTRPC_INVALID_ARGUMENT },
  { "response to nothing", 1, 2, "\x12\0", 2, -1 },
  { "data on no stream", 1, 3, "hi", 2, TTRPC_INVALID_ARGUMENT },
  { "no protobuf", 1, 1, "\xff\xff\xff\xff", 4, TTRPC_INVALID_ARGUMENT },
  { "varint of 11 bytes", 1, 1, "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, TTRPC_INVALID_ARGUMENT },
  { "field longer than the frame", 1, 1, "\x0a\x7fhi", 4, TTRPC_INVALID_ARGUMENT },
  { "group", 1, 1, "\x0b\x0c", 2, TTRPC_INVALID_ARGUMENT },
  { "method that is no UTF-8", 1, 1, "\x0a\1t\x12\3\xff\xfe\xfd", 8, TTRPC_UNIMPLEMENTED },
  { "duplicate method, the last counts", 1, 1, "\x12\1x\x0a\1t\x12\4echo\x0a\1t", 15, TTRPC_OK },
  { "negative time-out", 1, 1, "\x0a\1t\x12\4echo\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 20,
    TTRPC_DEADLINE_EXCEEDED },
};

START_TEST (server_frame)
{
  struct bed bed;
  uint32_t stream;
  int i = _i;
  bed_open (&bed, 0);
  size_t len = frames[i].payload_len;
  put_frame (bed.fd, (uint32_t) len, frames[i].stream, frames[i].type, frames[i].payload, len);
  if (frames[i].code >= 0) {
    int code = next_code (bed.fd, &stream);
    ck_assert_msg (code == frames[i].code && stream == frames[i].stream, "%s: code %d on stream %u", frames[i].name,
                   code, stream);
  }
  /* The connection lives on. */
  put_frame (bed.fd, sizeof echo, 101, 1, echo, sizeof echo);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_OK);
  ck_assert_uint_eq (stream, 101);
  bed_close (&bed);
}
END_TEST

START_TEST (server_id_reuse)
{
  struct bed bed;
  uint32_t stream;
  bed_open (&bed, 0);
  put_frame (bed.fd, sizeof echo, 7, 1, echo, sizeof echo);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_OK);
  put_frame (bed.fd, sizeof echo, 7, 1, echo, sizeof echo);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_INVALID_ARGUMENT);
  put_frame (bed.fd, sizeof echo, 5, 1, echo, sizeof echo);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_INVALID_ARGUMENT);
  put_frame (bed.fd, sizeof echo, UINT32_MAX, 1, echo, sizeof echo);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_OK);
  put_frame (bed.fd, 2, 7, 3, "hi", 2); /* data after close */
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_INVALID_ARGUMENT);
  bed_close (&bed);
}
END_TEST

/* Bytes that malloc has given out, mapped ones too. Under a sanitizer always 0, which makes the comparisons idle. */
static size_t
in_use (void)
{
  struct mallinfo2 info = mallinfo2 ();
  return info.uordblks + info.hblkhd;
}

START_TEST (server_oversize)
{
  static const uint32_t sizes[] = { TTRPC_MAX_PAYLOAD + 1, 16u << 20 };
  struct bed bed;
  uint32_t stream;
  uint8_t *junk = calloc (1, 1 << 20);
  bed_open (&bed, 0);
  for (unsigned i = 0; i < 2; i++) {
    size_t before = in_use ();
    put_frame (bed.fd, sizes[i], 1 + 4 * i, 1, NULL, 0);
    ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_RESOURCE_EXHAUSTED);
    ck_assert_uint_eq (stream, 1 + 4 * i);
    for (uint32_t left = sizes[i]; left > 0;) {
      uint32_t n = left < 1 << 20 ? left : 1 << 20;
      put (bed.fd, junk, n);
      left -= n;
    }
    ck_assert_uint_lt (in_use (), before + (1 << 20));
    put_frame (bed.fd, sizeof echo, 3 + 4 * i, 1, echo, sizeof echo);
    ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_OK);
  }
  put_frame (bed.fd, UINT32_MAX, 21, 1, "short, then the end", 19);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_RESOURCE_EXHAUSTED);
  free (junk);
  bed_close (&bed);
}
END_TEST

START_TEST (server_short_then_silence)
{
  struct bed beds[16];
  size_t before = in_use ();
  for (int i = 0; i < 16; i++) {
    bed_open (&beds[i], 0);
    put_frame (beds[i].fd, TTRPC_MAX_PAYLOAD, 1, 1, echo, sizeof echo);
  }
  usleep (50000);
  ck_assert_uint_lt (in_use (), before + 16 * (128 << 10));
  for (int i = 0; i < 16; i++) {
    ck_assert (!readable (beds[i].fd, 0));
    bed_close (&beds[i]);
  }
}
END_TEST

/* Each of two million empty fields would cost 48 bytes to remember. */
START_TEST (server_decoding_is_bounded)
{
  struct bed bed;
  uint32_t stream;
  uint8_t *many = malloc (TTRPC_MAX_PAYLOAD);
  bed_open (&bed, 0);
  for (size_t i = 0; i < TTRPC_MAX_PAYLOAD; i += 2) {
    many[i] = i % 4 == 0 ? 0x2a : 0x7a; /* metadata; field 15, which nobody knows */
    many[i + 1] = 0;
  }
  put_frame (bed.fd, TTRPC_MAX_PAYLOAD, 1, 1, many, TTRPC_MAX_PAYLOAD);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_INVALID_ARGUMENT);
  free (many);
  put_frame (bed.fd, sizeof echo, 3, 1, echo, sizeof echo);
  ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_OK);
  bed_close (&bed);
}
END_TEST

/* 20 requests of 4 MiB that hang: more than the 32 MiB that a server holds. */
START_TEST (server_bytes_in_flight)
{
  struct bed bed;
  uint32_t stream;
  size_t len = TTRPC_MAX_PAYLOAD;
  uint8_t *frame = calloc (1, len);
  const uint8_t head[] = { 0x0a, 1, 't', 0x12, 4, 'h', 'a', 'n', 'g', 0x1a };
  bed_open (&bed, 0);
  memcpy (frame, head, sizeof head);
  size_t rest = len - sizeof head - 4; /* a varint of four bytes */
  for (int i = 0; i < 4; i++)
    frame[sizeof head + (size_t) i] = (uint8_t) ((rest >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0));
  for (uint32_t i = 0; i < 20; i++)
    put_frame (bed.fd, (uint32_t) len, 2 * i + 1, 1, frame, len);
  for (int i = 0; i < 12; i++)
    ck_assert_int_eq (next_code (bed.fd, &stream), TTRPC_RESOURCE_EXHAUSTED);
  ck_assert (!readable (bed.fd, 50));
  free (frame);
  bed_close (&bed);
}
END_TEST

START_TEST (server_cut_at_every_byte)
{
  uint8_t wire[TTRPC_HEADER_LEN + sizeof echo];
  struct ttrpc_header h = { .len = sizeof echo, .stream = 1, .type = 1 };
  ttrpc_header_encode (wire, &h);
  memcpy (wire + TTRPC_HEADER_LEN, echo, sizeof echo);
  for (size_t cut = 0; cut < sizeof wire; cut++) {
    struct bed bed;
    bed_open (&bed, 0);
    put (bed.fd, wire, cut);
    bed_close (&bed); /* returns: the server ends */
  }
}
END_TEST

/* ---- a hostile server ---- */

struct lone {
  ttrpc_client *client;
  int fd;
  atomic_int ended, code;
};

static void
ended (void *user, const struct ttrpc_reply *reply)
{
  struct lone *lone = user;
  atomic_store (&lone->code, reply->code);
  atomic_fetch_add (&lone->ended, 1);
}

static void
lone_open (struct lone *lone)
{
  int pair[2];
  struct ttrpc_io io;
  memset (lone, 0, sizeof *lone);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  lone->fd = pair[1];
  ck_assert_int_eq (ttrpc_io_from_fd (&io, pair[0]), 0);
  ck_assert_int_eq (ttrpc_client_new (&lone->client, &io), 0);
}

/* Starts a call and returns its stream. */
static uint32_t
lone_start (struct lone *lone)
{
  uint8_t header[TTRPC_HEADER_LEN], payload[256];
  struct ttrpc_header h;
  ck_assert_int_eq (ttrpc_client_start (lone->client, NULL, "t", "echo", "", 0, -1, ended, lone), 0);
  get_all (lone->fd, header, sizeof header);
  ttrpc_header_decode (&h, header);
  get_all (lone->fd, payload, h.len);
  return h.stream;
}

#define GOES_ON 1000

static const struct {
  const char *name;
  uint32_t stream_delta;
  uint8_t type;
  const char *payload;
  size_t len;
  int code; /* GOES_ON: the call does */
} replies[] = {
  { "length 0", 0, 2, "", 0, TTRPC_OK },
  { "even stream", 1, 2, "", 0, GOES_ON },
  { "unknown stream", 2, 2, "", 0, GOES_ON },
  { "unknown stream, no protobuf", 2, 2, "\xff\xff", 2, GOES_ON },
  { "a request, to another stream", 2, 1, "", 0, GOES_ON },
  { "a request, to this stream", 0, 1, "", 0, TTRPC_INTERNAL },
  { "data", 0, 3, "hi", 2, TTRPC_INTERNAL },
  { "type 0", 0, 0, "", 0, TTRPC_INTERNAL },
  { "type 255 to nobody", 10, 255, "", 0, GOES_ON },
  { "no protobuf", 0, 2, "\xff\xff\xff\xff", 4, TTRPC_INTERNAL },
  { "negative code", 0, 2, "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 13, -1 },
};

START_TEST (client_frame)
{
  struct lone lone;
  int i = _i;
  lone_open (&lone);
  uint32_t stream = lone_start (&lone);
  put_frame (lone.fd, (uint32_t) replies[i].len, stream + replies[i].stream_delta, replies[i].type, replies[i].payload,
             replies[i].len);
  if (replies[i].code == GOES_ON) {
    usleep (20000);
    ck_assert_msg (get (&lone.ended) == 0, "%s: ended with %d", replies[i].name, get (&lone.code));
    put_frame (lone.fd, 0, stream, 2, NULL, 0);
    wait_for (&lone.ended, 1);
    ck_assert_int_eq (get (&lone.code), TTRPC_OK);
  } else {
    wait_for (&lone.ended, 1);
    ck_assert_msg (get (&lone.code) == replies[i].code, "%s: %d", replies[i].name, get (&lone.code));
  }
  put_frame (lone.fd, 0, stream, 2, NULL, 0); /* once more: nobody's by now */
  stream = lone_start (&lone);
  put_frame (lone.fd, 0, stream, 2, NULL, 0);
  wait_for (&lone.ended, 2);
  ck_assert_int_eq (get (&lone.ended), 2);
  ttrpc_client_free (lone.client);
  close (lone.fd);
}
END_TEST

START_TEST (client_oversize)
{
  struct lone lone;
  uint8_t *junk = calloc (1, TTRPC_MAX_PAYLOAD + 1);
  lone_open (&lone);
  uint32_t stream = lone_start (&lone);
  put_frame (lone.fd, TTRPC_MAX_PAYLOAD + 1, stream, 2, junk, TTRPC_MAX_PAYLOAD + 1);
  wait_for (&lone.ended, 1);
  ck_assert_int_eq (get (&lone.code), TTRPC_RESOURCE_EXHAUSTED);
  stream = lone_start (&lone);
  put_frame (lone.fd, 0, stream, 2, NULL, 0);
  wait_for (&lone.ended, 2);
  ck_assert_int_eq (get (&lone.code), TTRPC_OK);
  stream = lone_start (&lone);
  put_frame (lone.fd, TTRPC_MAX_PAYLOAD, stream, 2, junk, 100);
  close (lone.fd); /* in the middle of a reply */
  wait_for (&lone.ended, 3);
  ck_assert_int_eq (get (&lone.code), TTRPC_UNAVAILABLE);
  free (junk);
  ttrpc_client_free (lone.client);
}
END_TEST

START_TEST (header)
{
  uint8_t bytes[TTRPC_HEADER_LEN];
  struct ttrpc_header in = { 0x01020304, 0xa5b6c7d8, 3, 5 }, out;
  ttrpc_header_encode (bytes, &in);
  ck_assert_mem_eq (bytes, "\1\2\3\4\xa5\xb6\xc7\xd8\3\5", 10);
  ttrpc_header_decode (&out, bytes);
  ck_assert_uint_eq (out.len, in.len);
  ck_assert_uint_eq (out.stream, in.stream);
  ck_assert_uint_eq (out.type, in.type);
  ck_assert_uint_eq (out.flags, in.flags);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("ttrpc/hostile");
  TCase *tc = tcase_create ("frames");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, header);
  tcase_add_loop_test (tc, server_frame, 0, (int) (sizeof frames / sizeof frames[0]));
  tcase_add_test (tc, server_id_reuse);
  tcase_add_test (tc, server_oversize);
  tcase_add_test (tc, server_short_then_silence);
  tcase_add_test (tc, server_decoding_is_bounded);
  tcase_add_test (tc, server_bytes_in_flight);
  tcase_add_test (tc, server_cut_at_every_byte);
  tcase_add_loop_test (tc, client_frame, 0, (int) (sizeof replies / sizeof replies[0]));
  tcase_add_test (tc, client_oversize);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
