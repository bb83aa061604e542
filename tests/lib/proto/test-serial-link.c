/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The serial link with a ttrpc server behind it, over a socket pair that outlives the "host processes": each is a dup of its end. */
#include "proto/serial-link.h"
#include "proto/serial-chunk.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BIG (1u << 20)

struct bed {
  int port[2]; /* host, guest */
  ttrpc_server *server;
  kata_serial_link *link;
  pthread_t guest;
  atomic_int sessions, started, cancelled;
  int result;
};

static int32_t
method_echo (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  (void) user, (void) request, (void) message;
  *payload = malloc (len + 1);
  memcpy (*payload, data, len);
  *payload_len = len;
  return TTRPC_OK;
}

/* A large reply that holds what looks like the beginnings of chunks. */
static int32_t
method_big (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload, size_t *payload_len,
            char **message)
{
  static const uint8_t fake[12] = { 'K', 'S', 'L', '1', 'D', 0, 0, 0, 0, 0, 1, 0 };
  (void) user, (void) request, (void) message, (void) data, (void) len;
  *payload = malloc (BIG);
  for (size_t i = 0; i < BIG; i++)
    (*payload)[i] = fake[i % sizeof fake];
  *payload_len = BIG;
  return TTRPC_OK;
}

static int32_t
method_hang (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,
             size_t *payload_len, char **message)
{
  struct bed *bed = user;
  (void) data, (void) len, (void) payload, (void) payload_len, (void) message;
  struct pollfd p = { .fd = ttrpc_request_cancel_fd (request), .events = POLLIN };
  atomic_fetch_add (&bed->started, 1);
  if (poll (&p, 1, 20000) == 1)
    atomic_fetch_add (&bed->cancelled, 1);
  return TTRPC_CANCELLED;
}

static const struct ttrpc_method methods[] = {
  { "t", "echo", method_echo },
  { "t", "big", method_big },
  { "t", "hang", method_hang },
  { NULL, NULL, NULL },
};

static void
guest_session (void *user, const struct ttrpc_io *io)
{
  struct bed *bed = user;
  atomic_fetch_add (&bed->sessions, 1);
  ttrpc_server_serve (bed->server, io);
}

static void *
guest_main (void *data)
{
  struct bed *bed = data;
  bed->result = kata_serial_link__serve (bed->link, guest_session, bed);
  return NULL;
}

static void
bed_start (struct bed *bed)
{
  struct ttrpc_server_options options = {
    .size = sizeof options, .methods = methods, .user = bed, .stack_size = 1 << 20
  };
  ck_assert_int_eq (ttrpc_server_new (&bed->server, &options), 0);
  ck_assert_int_eq (kata_serial_link__new (&bed->link, bed->port[1]), 0);
  ck_assert_int_eq (pthread_create (&bed->guest, NULL, guest_main, bed), 0);
}

static void
bed_open (struct bed *bed)
{
  memset (bed, 0, sizeof *bed);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bed->port), 0);
}

static void
bed_close (struct bed *bed)
{
  kata_serial_link__stop (bed->link);
  pthread_join (bed->guest, NULL);
  ck_assert_int_eq (bed->result, 0);
  kata_serial_link__free (bed->link);
  ttrpc_server_free (bed->server);
  close (bed->port[0]);
}

/* A new host process that connects. */
static struct ttrpc_io
host_open (struct bed *bed)
{
  struct ttrpc_io io;
  int r = kata_serial_link__connect (&io, dup (bed->port[0]), 10000);
  ck_assert_msg (r == 0, "connect: %d", r);
  return io;
}

static void
host_works (struct bed *bed)
{
  struct ttrpc_io io = host_open (bed);
  struct ttrpc_reply reply;
  ttrpc_client *client;
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  ck_assert_int_eq (ttrpc_client_call (client, "t", "echo", "hello", 5, 10000, &reply), 0);
  ck_assert_uint_eq (reply.payload_len, 5);
  ck_assert_mem_eq (reply.payload, "hello", 5);
  ttrpc_reply_clear (&reply);
  ttrpc_client_free (client);
}

static void
write_raw (int fd, const void *data, size_t len)
{
  for (size_t at = 0; at < len;) {
    ssize_t n = write (fd, (const char *) data + at, len - at);
    if (n < 0 && errno == EAGAIN) {
      struct pollfd p = { .fd = fd, .events = POLLOUT };
      poll (&p, 1, 1000);
      continue;
    }
    ck_assert (n > 0);
    at += (size_t) n;
  }
}

START_TEST (one_session_after_the_other)
{
  struct bed bed;
  bed_open (&bed);
  bed_start (&bed);
  for (int i = 0; i < 20; i++)
    host_works (&bed);
  int sessions = atomic_load (&bed.sessions);
  ck_assert_int_eq (sessions, 20);
  bed_close (&bed);
}
END_TEST

START_TEST (host_dies_at_every_byte)
{
  static const uint8_t frame[40] = { 0, 0, 0, 30, 0, 0, 0, 1, 1 };
  uint8_t wire[128];
  struct bed bed;
  bed_open (&bed);
  bed_start (&bed);
  size_t len = kata_serial_chunk__encode (wire, KATA_SERIAL_DATA, frame, sizeof frame);
  for (size_t cut = 0; cut <= len; cut++) {
    struct ttrpc_io io = host_open (&bed);
    write_raw (bed.port[0], wire, cut);
    io.close (io.ctx);
    host_works (&bed);
  }
  int sessions = atomic_load (&bed.sessions);
  ck_assert_int_eq (sessions, 2 * ((int) len + 1));
  bed_close (&bed);
}
END_TEST

/* Killed while the guest sends a large reply: its rest is in the pipe, and the guest is blocked in the middle of a chunk. */
START_TEST (host_dies_while_reading)
{
  struct bed bed;
  bed_open (&bed);
  bed_start (&bed);
  for (unsigned i = 0; i < 10; i++) {
    struct ttrpc_io io = host_open (&bed);
    static const uint8_t request[] = { 0, 0, 0, 8, 0, 0, 0, 1, 1, 0, 0x0a, 1, 't', 0x12, 3, 'b', 'i', 'g' };
    ck_assert_int_eq (io.write (io.ctx, request, sizeof request), sizeof request);
    uint8_t some[100000];
    size_t want = i * 11003;
    for (size_t got = 0; got < want;) {
      int64_t n = io.read (io.ctx, some, want - got < sizeof some ? want - got : sizeof some);
      ck_assert_int_gt (n, 0);
      got += (size_t) n;
    }
    io.close (io.ctx);
    host_works (&bed);
  }
  bed_close (&bed);
}
END_TEST

START_TEST (new_session_cancels_the_old_one)
{
  struct bed bed;
  bed_open (&bed);
  bed_start (&bed);
  struct ttrpc_io io = host_open (&bed);
  static const uint8_t request[] = { 0, 0, 0, 9, 0, 0, 0, 1, 1, 0, 0x0a, 1, 't', 0x12, 4, 'h', 'a', 'n', 'g' };
  ck_assert_int_eq (io.write (io.ctx, request, sizeof request), sizeof request);
  while (atomic_load (&bed.started) == 0)
    usleep (1000);
  io.close (io.ctx);
  host_works (&bed);
  int cancelled = atomic_load (&bed.cancelled);
  ck_assert_int_eq (cancelled, 1);
  bed_close (&bed);
}
END_TEST

/* Both pipes hold rubbish before the first session, part of it made to look like chunks. */
START_TEST (rubbish_in_both_directions)
{
  static const char *const rubbish[] = { "login: \r\n", "KSL1", "KSL1D\0\0\0\0\0\1\0 64 KiB are announced",
                                         "KKKKKSL1A\0\0\0\x10\0\0\0" };
  static const size_t lens[] = { 9, 4, 34, 16 };
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++) {
      struct bed bed;
      bed_open (&bed);
      write_raw (bed.port[0], rubbish[i], lens[i]);
      write_raw (bed.port[1], rubbish[j], lens[j]);
      bed_start (&bed);
      host_works (&bed);
      write_raw (bed.port[0], rubbish[i], lens[i]);
      host_works (&bed);
      bed_close (&bed);
    }
}
END_TEST

START_TEST (large_both_ways)
{
  struct bed bed;
  bed_open (&bed);
  bed_start (&bed);
  struct ttrpc_io io = host_open (&bed);
  ttrpc_client *client;
  struct ttrpc_reply reply;
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  size_t len = TTRPC_MAX_PAYLOAD - 64;
  uint8_t *data = malloc (len);
  for (size_t i = 0; i < len; i++)
    data[i] = (uint8_t) (i * 7 + i / 251);
  ck_assert_int_eq (ttrpc_client_call (client, "t", "echo", data, len, 30000, &reply), 0);
  ck_assert_uint_eq (reply.payload_len, len);
  ck_assert_mem_eq (reply.payload, data, len);
  ttrpc_reply_clear (&reply);
  free (data);
  ttrpc_client_free (client);
  bed_close (&bed);
}
END_TEST

START_TEST (nobody_answers)
{
  int port[2];
  struct ttrpc_io io;
  struct timespec a, b;
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, port), 0);
  clock_gettime (CLOCK_MONOTONIC, &a);
  ck_assert_int_eq (kata_serial_link__connect (&io, dup (port[0]), 300), -ETIMEDOUT);
  clock_gettime (CLOCK_MONOTONIC, &b);
  int64_t ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
  ck_assert_int_ge (ms, 299);
  ck_assert_int_lt (ms, 3000);
  close (port[1]);
  ck_assert_int_eq (kata_serial_link__connect (&io, dup (port[0]), 5000), -EPIPE);
  close (port[0]);
}
END_TEST

/* The guest opens its port only after the host began to wait, as in a boot. */
static void *
late_guest (void *data)
{
  struct timespec nap = { 1, 300000000 };
  nanosleep (&nap, NULL);
  bed_start (data);
  return NULL;
}

START_TEST (host_waits_for_the_boot)
{
  struct bed bed;
  pthread_t late;
  bed_open (&bed);
  ck_assert_int_eq (pthread_create (&late, NULL, late_guest, &bed), 0);
  host_works (&bed);
  pthread_join (late, NULL);
  host_works (&bed);
  bed_close (&bed);
}
END_TEST

START_TEST (shutdown_wakes_the_host)
{
  struct bed bed;
  bed_open (&bed);
  bed_start (&bed);
  struct ttrpc_io io = host_open (&bed);
  ttrpc_client *client;
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  ttrpc_client_free (client); /* hangs if the reader is not woken */
  bed_close (&bed);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("proto/serial-link");
  TCase *tc = tcase_create ("link");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, one_session_after_the_other);
  tcase_add_test (tc, host_dies_at_every_byte);
  tcase_add_test (tc, host_dies_while_reading);
  tcase_add_test (tc, new_session_cancels_the_old_one);
  tcase_add_test (tc, rubbish_in_both_directions);
  tcase_add_test (tc, large_both_ways);
  tcase_add_test (tc, nobody_answers);
  tcase_add_test (tc, host_waits_for_the_boot);
  tcase_add_test (tc, shutdown_wakes_the_host);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
