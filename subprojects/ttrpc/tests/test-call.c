/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls between our client and our server: replies, deadlines, cancelling, limits, loss and shutdown, many at once. */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG (TTRPC_MAX_PAYLOAD - 64)

static struct ttrpc_reply
call (ttrpc_client *client, const char *method, const char *text, int64_t timeout_ms)
{
  struct ttrpc_reply reply;
  int r = ttrpc_client_call (client, "t", method, text, strlen (text), timeout_ms, &reply);
  ck_assert_int_eq (r, reply.code == TTRPC_OK ? 0 : -1);
  return reply;
}

/* @local < 0: either side may be the first to say so. */
static void
expect (ttrpc_client *client, const char *method, const char *text, int64_t timeout_ms, int32_t code, int local)
{
  struct ttrpc_reply reply = call (client, method, text, timeout_ms);
  ck_assert_msg (reply.code == code && (local < 0 || reply.local == local), "%s: %d (%s), local %d", method, reply.code,
                 reply.message, reply.local);
  ck_assert ((reply.message == NULL) == (code == TTRPC_OK));
  ttrpc_reply_clear (&reply);
}

START_TEST (replies)
{
  struct bed bed;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  struct ttrpc_reply reply = call (client, "echo", "hello", 5000);
  ck_assert_int_eq (reply.code, 0);
  ck_assert_uint_eq (reply.payload_len, 5);
  ck_assert_mem_eq (reply.payload, "hello", 5);
  ttrpc_reply_clear (&reply);
  reply = call (client, "echo", "", -1);
  ck_assert_int_eq (reply.code, 0);
  ck_assert_ptr_null (reply.payload);
  reply = call (client, "fail", "no\x01 \xc3\xa9 \xff way", 5000);
  ck_assert_int_eq (reply.code, 42);
  ck_assert_str_eq (reply.message, "no\x01 \xc3\xa9 ? way");
  ck_assert_int_eq (reply.local, 0);
  ttrpc_reply_clear (&reply);
  expect (client, "none", "", 5000, TTRPC_UNIMPLEMENTED, 0);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

START_TEST (long_message_is_cut)
{
  struct bed bed;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  char *text = malloc (300001);
  memset (text, 'a', 300000);
  text[300000] = '\0';
  memcpy (text + 65535, "\xc3\xa9", 2); /* the limit falls into it */
  struct ttrpc_reply reply = call (client, "fail", text, 5000);
  ck_assert_uint_eq (strlen (reply.message), 65535);
  ttrpc_reply_clear (&reply);
  free (text);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

START_TEST (deadlines)
{
  struct bed bed;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  int64_t start = now_ms ();
  expect (client, "hang", "", 100, TTRPC_DEADLINE_EXCEEDED, -1);
  ck_assert_int_ge (now_ms () - start, 99);
  ck_assert_int_lt (now_ms () - start, 2000);
  /* The server knows the time-out too. */
  wait_for (&bed.cancelled, 1);
  expect (client, "hang", "", 0, TTRPC_DEADLINE_EXCEEDED, -1);
  struct ttrpc_reply reply = call (client, "left", "", 5000);
  long left = number (reply.payload, reply.payload_len);
  ck_assert_int_gt (left, 3000);
  ck_assert_int_le (left, 5000);
  ttrpc_reply_clear (&reply);
  reply = call (client, "left", "", -1);
  ck_assert_mem_eq (reply.payload, "-1", 2);
  ttrpc_reply_clear (&reply);
  reply = call (client, "left", "", INT64_MAX);
  ck_assert_int_eq (reply.code, 0);
  ttrpc_reply_clear (&reply);
  /* A late reply is dropped, and the next call gets its own. */
  expect (client, "sleep", "150", 50, TTRPC_DEADLINE_EXCEEDED, -1);
  usleep (200000);
  reply = call (client, "echo", "mine", 5000);
  ck_assert_mem_eq (reply.payload, "mine", 4);
  ttrpc_reply_clear (&reply);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

/* A peer that never reads: the pipe fills up, and deadlines hold all the same. */
START_TEST (deadline_while_the_peer_does_not_read)
{
  int pair[2];
  struct ttrpc_io io;
  ttrpc_client *client;
  struct ttrpc_reply reply;
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  ck_assert_int_eq (ttrpc_io_from_fd (&io, pair[0]), 0);
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  uint8_t *data = calloc (1, BIG);
  int64_t start = now_ms ();
  for (int i = 0; i < 3; i++) {
    ttrpc_client_call (client, "t", "echo", data, BIG, 100, &reply);
    ck_assert_int_eq (reply.code, TTRPC_DEADLINE_EXCEEDED);
    ttrpc_reply_clear (&reply);
  }
  ck_assert_int_lt (now_ms () - start, 3000);
  free (data);
  ttrpc_client_free (client); /* the writer is blocked in the middle of a frame */
  close (pair[1]);
}
END_TEST

START_TEST (limits)
{
  struct bed bed;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  struct ttrpc_reply reply;
  uint8_t *data = malloc (TTRPC_MAX_PAYLOAD + 1);
  for (size_t i = 0; i < TTRPC_MAX_PAYLOAD + 1; i++)
    data[i] = (uint8_t) (i ^ i >> 8);
  ck_assert_int_eq (ttrpc_client_call (client, "t", "echo", data, BIG, 20000, &reply), 0);
  ck_assert_uint_eq (reply.payload_len, BIG);
  ck_assert_mem_eq (reply.payload, data, BIG);
  ttrpc_reply_clear (&reply);
  ttrpc_client_call (client, "t", "echo", data, TTRPC_MAX_PAYLOAD, 20000, &reply);
  ck_assert_int_eq (reply.code, TTRPC_RESOURCE_EXHAUSTED);
  ck_assert_int_eq (reply.local, 1);
  ttrpc_reply_clear (&reply);
  ttrpc_client_call (client, "t", "echo", data, SIZE_MAX, 20000, &reply);
  ck_assert_int_eq (reply.code, TTRPC_RESOURCE_EXHAUSTED);
  ttrpc_reply_clear (&reply);
  free (data);
  expect (client, "large", "4194294", 20000, TTRPC_OK, 0);
  expect (client, "large", "4194304", 20000, TTRPC_RESOURCE_EXHAUSTED, 0);
  expect (client, "echo", "still here", 20000, TTRPC_OK, 0);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

/* Answers of all sizes where the head grows by a byte, larger and smaller than what the server keeps, one after the other. */
START_TEST (room)
{
  static const size_t sizes[] = { 1, 0, 127, 128, 16383, 16384, 150000, 5, 300000, 2097151, 2097152, BIG };
  struct bed bed;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  struct ttrpc_reply reply;
  uint8_t *data = malloc (TTRPC_MAX_PAYLOAD);
  for (size_t i = 0; i < TTRPC_MAX_PAYLOAD; i++)
    data[i] = (uint8_t) (i ^ i >> 8);
  for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
    size_t len = sizes[i % (sizeof sizes / sizeof *sizes)];
    ck_assert_int_eq (ttrpc_client_call (client, "t", "room", data, len, 20000, &reply), 0);
    ck_assert_uint_eq (reply.payload_len, len);
    ck_assert (len == 0 || memcmp (reply.payload, data, len) == 0);
    ttrpc_reply_clear (&reply);
    expect (client, "room", "! fails", 20000, 42, 0);
  }
  free (data);
  ttrpc_client_free (client);
  bed_close (&bed);
  ck_assert_int_eq (get (&bed.written), (int) (4 * sizeof sizes / sizeof *sizes));
  ck_assert_int_eq (get (&bed.unwritten), 0);
}
END_TEST

struct hammer {
  ttrpc_client *client;
  int seed;
  atomic_int *ok;
};

static void *
hammer (void *data)
{
  struct hammer *h = data;
  for (int i = 0; i < 200; i++) {
    char text[64];
    struct ttrpc_reply reply;
    int len = snprintf (text, sizeof text, "%d", i % 20 == 0 ? 1 : 0) + 1;
    len += snprintf (text + len, sizeof text - (size_t) len, "%d-%d", h->seed, i);
    const char *method = i % 20 == 0 ? "sleep" : i % 2 == 0 ? "echo" : "room";
    ttrpc_client_call (h->client, "t", method, text, (size_t) len, 20000, &reply);
    if (reply.code == 0 && reply.payload_len == (size_t) len && memcmp (reply.payload, text, (size_t) len) == 0)
      atomic_fetch_add (h->ok, 1);
    ttrpc_reply_clear (&reply);
  }
  return NULL;
}

START_TEST (many_threads)
{
  struct bed bed;
  struct hammer hammers[16];
  pthread_t threads[16];
  atomic_int ok = 0;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  for (int i = 0; i < 16; i++) {
    hammers[i] = (struct hammer){ client, i, &ok };
    ck_assert_int_eq (pthread_create (&threads[i], NULL, hammer, &hammers[i]), 0);
  }
  for (int i = 0; i < 16; i++)
    pthread_join (threads[i], NULL);
  ck_assert_int_eq (get (&ok), 16 * 200);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

struct ends {
  atomic_int ok, cancelled, late, unavailable, other;
  ttrpc_client *again; /* callbacks start one more call */
};

static void
count (void *user, const struct ttrpc_reply *reply)
{
  struct ends *ends = user;
  atomic_int *which = reply->code == TTRPC_OK                  ? &ends->ok
                      : reply->code == TTRPC_CANCELLED         ? &ends->cancelled
                      : reply->code == TTRPC_DEADLINE_EXCEEDED ? &ends->late
                      : reply->code == TTRPC_UNAVAILABLE       ? &ends->unavailable
                                                               : &ends->other;
  atomic_fetch_add (which, 1);
  if (ends->again != NULL && reply->code == TTRPC_OK && reply->payload_len == 5)
    ttrpc_client_start (ends->again, NULL, "t", "echo", "more", 4, -1, count, ends);
}

START_TEST (asynchronous)
{
  struct bed bed;
  struct ends ends = { 0 };
  ttrpc_call *calls[50];
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  ends.again = client;
  for (int i = 0; i < 100; i++)
    ck_assert_int_eq (ttrpc_client_start (client, NULL, "t", "echo", "hello", 5, 10000, count, &ends), 0);
  wait_for (&ends.ok, 200);
  for (int i = 0; i < 50; i++)
    ck_assert_int_eq (ttrpc_client_start (client, &calls[i], "t", "hang", "", 0, i % 2 ? 50 : -1, count, &ends), 0);
  wait_for (&ends.late, 25);
  ck_assert_int_eq (get (&ends.cancelled), 0);
  for (int i = 0; i < 50; i++) {
    ttrpc_call_cancel (calls[i]);
    ttrpc_call_cancel (calls[i]);
  }
  wait_for (&ends.cancelled, 25);
  for (int i = 0; i < 50; i++)
    ttrpc_call_unref (calls[i]);
  ck_assert_int_eq (get (&ends.other), 0);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

/* The callback that starts a call runs on the reader; the replies are large, so that neither side may wait for the other to read. */
static void
ping_pong (void *user, const struct ttrpc_reply *reply)
{
  struct ends *ends = user;
  if (reply->code == TTRPC_OK && reply->payload_len == 1000000 && atomic_fetch_add (&ends->ok, 1) < 60)
    ttrpc_client_start (ends->again, NULL, "t", "echo", reply->payload, reply->payload_len, -1, ping_pong, ends);
}

START_TEST (callbacks_with_full_pipes)
{
  struct bed bed;
  struct ends ends = { 0 };
  bed_open (&bed, 0);
  ends.again = bed_client (&bed);
  for (int i = 0; i < 8; i++)
    ck_assert_int_eq (ttrpc_client_start (ends.again, NULL, "t", "large", "1000000", 7, -1, ping_pong, &ends), 0);
  wait_for (&ends.ok, 60);
  ttrpc_client_free (ends.again);
  bed_close (&bed);
}
END_TEST

START_TEST (client_freed_with_calls_in_flight)
{
  struct bed bed;
  struct ends ends = { 0 };
  ttrpc_call *calls[20];
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  for (int i = 0; i < 20; i++)
    ck_assert_int_eq (ttrpc_client_start (client, &calls[i], "t", "hang", "", 0, 60000, count, &ends), 0);
  wait_for (&bed.started, 20);
  ttrpc_client_free (client);
  ck_assert_int_eq (get (&ends.unavailable), 20);
  for (int i = 0; i < 20; i++) {
    ttrpc_call_cancel (calls[i]); /* handles outlive the client */
    ttrpc_call_unref (calls[i]);
  }
  bed_close (&bed);
  ck_assert_int_eq (get (&bed.cancelled), 20);
}
END_TEST

START_TEST (connection_lost)
{
  struct bed bed;
  struct ends ends = { 0 };
  const char *why = NULL;
  bed_open (&bed, 0);
  ttrpc_client *client = bed_client (&bed);
  ck_assert_int_eq (ttrpc_client_is_closed (client, NULL), 0);
  for (int i = 0; i < 10; i++)
    ck_assert_int_eq (ttrpc_client_start (client, NULL, "t", "hang", "", 0, -1, count, &ends), 0);
  wait_for (&bed.started, 10);
  ttrpc_server_shutdown (bed.server);
  wait_for (&ends.unavailable, 10);
  ck_assert_int_ne (ttrpc_client_is_closed (client, &why), 0);
  ck_assert_ptr_nonnull (why);
  expect (client, "echo", "", -1, TTRPC_UNAVAILABLE, 1);
  ck_assert_int_lt (ttrpc_client_start (client, NULL, "t", "echo", "", 0, -1, count, &ends), 0);
  bed_close (&bed);
  ck_assert_int_eq (get (&bed.cancelled), 10);
  ck_assert_int_eq (get (&bed.unwritten), 10);
  ttrpc_client_free (client);
}
END_TEST

START_TEST (too_many_in_flight)
{
  struct bed bed;
  struct ends ends = { 0 };
  bed_open (&bed, 4);
  ttrpc_client *client = bed_client (&bed);
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq (ttrpc_client_start (client, NULL, "t", "hang", "", 0, -1, count, &ends), 0);
  wait_for (&bed.started, 4);
  expect (client, "echo", "", 5000, TTRPC_RESOURCE_EXHAUSTED, 0);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

START_TEST (shutdown_before_serving)
{
  struct bed bed;
  int pair[2];
  struct ttrpc_io io;
  bed_open (&bed, 0);
  ttrpc_server_shutdown (bed.server);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  ck_assert_int_eq (ttrpc_io_from_fd (&io, pair[0]), 0);
  ttrpc_server_serve (bed.server, &io); /* returns */
  close (pair[1]);
  bed_close (&bed);
}
END_TEST

START_TEST (wrong_arguments)
{
  struct ttrpc_io io;
  ttrpc_server *server;
  struct ttrpc_server_options options = { .size = sizeof options };
  int pipes[2];
  ck_assert_int_eq (ttrpc_server_new (&server, &options), -22);
  options.size = 4096;
  ck_assert_int_eq (ttrpc_server_new (&server, &options), -22);
  ck_assert_int_lt (ttrpc_io_from_fd (&io, -1), 0);
  ck_assert_int_eq (pipe (pipes), 0);
  ck_assert_int_lt (ttrpc_io_from_fd (&io, pipes[0]), 0); /* closed by it */
  close (pipes[1]);
  ttrpc_client_free (NULL);
  ttrpc_server_free (NULL);
  ttrpc_call_unref (NULL);
  ttrpc_reply_clear (NULL);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("ttrpc/call");
  TCase *tc = tcase_create ("call");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, replies);
  tcase_add_test (tc, long_message_is_cut);
  tcase_add_test (tc, deadlines);
  tcase_add_test (tc, deadline_while_the_peer_does_not_read);
  tcase_add_test (tc, limits);
  tcase_add_test (tc, room);
  tcase_add_test (tc, many_threads);
  tcase_add_test (tc, asynchronous);
  tcase_add_test (tc, callbacks_with_full_pipes);
  tcase_add_test (tc, client_freed_with_calls_in_flight);
  tcase_add_test (tc, connection_lost);
  tcase_add_test (tc, too_many_in_flight);
  tcase_add_test (tc, shutdown_before_serving);
  tcase_add_test (tc, wrong_arguments);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
