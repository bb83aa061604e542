/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the vsock device does with packets and lines against the rules: cases 23 and 24 of docs/security.md. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vsock-guest.h"

#define PORT 1024u
#define MINE 7000u

static struct guest guest;
static int listener = -1;

static void
set_up (void)
{
  guest_open (&guest, 16, GUEST_BUFFERS);
  listener = host_listen (&guest, PORT);
}

static void
tear_down (void)
{
  close (listener);
  guest_close (&guest);
}

/** The next good connection is served. */
static void
works_still (void)
{
  int fd = host_open (&guest, listener, 9999, PORT);
  ck_assert (!driver_needs_reset (&guest.driver));
  host_say (&guest, fd, "!");
  guest_expect (&guest, VMM_VSOCK_OP_RW, 9999, PORT);
  close (fd);
}

/* 23: addresses that are not the guest's or the host's. */
static const struct {
  uint64_t src, dst;
} strangers[] = {
  { 4, 2 },
  { 2, 2 },
  { 0, 2 },
  { 1, 2 },
  { UINT32_MAX, 2 },
  { UINT64_C (1) << 32 | 3, 2 },
  { 3, 0 },
  { 3, 1 },
  { 3, 3 },
  { 3, 4 },
  { 3, UINT32_MAX },
  { 3, UINT64_C (1) << 32 | 2 },
  { UINT64_MAX, UINT64_MAX },
};

START_TEST (refuses_strangers)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_REQUEST, MINE, PORT), answer;

  packet.src_cid = strangers[_i].src;
  packet.dst_cid = strangers[_i].dst;
  guest_send (&guest, &packet, NULL, 0);
  answer = guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  ck_assert_uint_eq (answer.src_cid, packet.dst_cid);
  ck_assert_uint_eq (guest.vsock->n, 0);
  packet.op = VMM_VSOCK_OP_RST;
  guest_send (&guest, &packet, NULL, 0);
  guest_expect_nothing (&guest);
  works_still ();
}
END_TEST

/* A stranger's address does not reach a connection of the guest's. */
START_TEST (keeps_strangers_from_connections)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_RST, MINE, PORT);
  int fd = host_open (&guest, listener, MINE, PORT);
  char byte;

  packet.src_cid = 4;
  guest_send (&guest, &packet, NULL, 0);
  ck_assert_int_eq (host_hear (&guest, fd, &byte, 1), -1);
  ck_assert_uint_eq (guest.vsock->n, 1);
  close (fd);
}
END_TEST

/* 23: unknown operations and types, also on a connection, which then ends. */
static const struct {
  unsigned type, op;
} unknown[] = { { 1, 0 }, { 1, 8 }, { 1, 0xffff }, { 0, 1 }, { 2, 1 }, { 3, 5 }, { 0xffff, 5 } };

START_TEST (refuses_unknown_words)
{
  struct vmm_vsock_packet packet = guest_packet (unknown[_i].op, MINE, PORT);
  int fd;

  packet.type = (uint16_t) unknown[_i].type;
  guest_send (&guest, &packet, NULL, 0);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  fd = host_open (&guest, listener, MINE, PORT);
  guest_send (&guest, &packet, NULL, 0);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  host_expect_end (&guest, fd);
  close (fd);
  ck_assert_uint_eq (guest.vsock->n, 0);
  works_still ();
}
END_TEST

/* 23: a length that the buffer does not have, or that is too much. */
START_TEST (refuses_wrong_lengths)
{
  static const uint32_t lens[] = { 5, 65537, UINT32_MAX, UINT32_MAX - 43 };
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_RW, MINE, PORT);
  int fd = host_open (&guest, listener, MINE, PORT);

  packet.len = lens[_i];
  guest_send (&guest, &packet, "abcd", 4);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  host_expect_end (&guest, fd);
  close (fd);
  works_still ();
}
END_TEST

/* Buffers that hold less than a header, or that the device cannot read at all. */
START_TEST (drops_short_packets)
{
  struct driver_buffer buffer = { .addr = guest.tx, .len = _i == 0 ? 1 : 43 };

  buffer.write = _i == 2;
  driver_request (&guest.driver, VMM_VSOCK_TX, &buffer, 1);
  guest_expect_nothing (&guest);
  works_still ();
}
END_TEST

/* 23: data without a connection, without credit, after the end. */
START_TEST (refuses_data_out_of_turn)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_RW, MINE, PORT), seen;
  int fd = host_dial (&guest);

  packet.len = 4;
  guest_send (&guest, &packet, "abcd", 4);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  /* before RESPONSE */
  host_say (&guest, fd, "CONNECT 7000\n");
  ck_assert (guest_receive (&guest, &seen));
  packet.dst_port = seen.src_port;
  guest_send (&guest, &packet, "abcd", 4);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, seen.src_port);
  host_expect_end (&guest, fd);
  close (fd);
  /* after SHUTDOWN */
  fd = host_open (&guest, listener, MINE, PORT);
  packet = guest_packet (VMM_VSOCK_OP_SHUTDOWN, MINE, PORT);
  packet.flags = VMM_VSOCK_SHUT_SEND;
  guest_send (&guest, &packet, NULL, 0);
  packet.op = VMM_VSOCK_OP_RW;
  packet.len = 4;
  guest_send (&guest, &packet, "abcd", 4);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  close (fd);
  works_still ();
}
END_TEST

START_TEST (refuses_data_beyond_credit)
{
  static const uint8_t zeroes[VMM_VSOCK_PAYLOAD_MAX];
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_RW, MINE, PORT), seen = { 0 };
  int fd = host_open (&guest, listener, MINE, PORT);
  uint32_t alloc = vmm_vsock_table__find (guest.vsock, PORT, MINE)->alloc;
  unsigned n = 0;

  packet.len = sizeof zeroes;
  while (seen.op != VMM_VSOCK_OP_RST) {
    ck_assert_uint_lt (n++, 100);
    guest_send (&guest, &packet, zeroes, sizeof zeroes);
    if (guest.vsock->n) {
      struct vmm_vsock_conn *conn = vmm_vsock_table__find (guest.vsock, PORT, MINE);
      ck_assert (conn == NULL || conn->held <= alloc);
    }
    while (seen.op != VMM_VSOCK_OP_RST && guest_receive (&guest, &seen))
      ;
  }
  ck_assert_uint_eq (guest.vsock->n, 0);
  close (fd);
  works_still ();
}
END_TEST

START_TEST (refuses_to_connect_twice)
{
  int fd = host_open (&guest, listener, MINE, PORT);

  guest_op (&guest, _i == 0 ? VMM_VSOCK_OP_REQUEST : VMM_VSOCK_OP_RESPONSE, MINE, PORT);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  host_expect_end (&guest, fd);
  close (fd);
  works_still ();
}
END_TEST

/* 23: credit 0, or all there is, or counters that run backwards: nothing is sent beyond our own measure. */
START_TEST (caps_the_guests_credit)
{
  static const struct {
    uint32_t alloc, forwarded, left;
  } credits[] = { { 0, 0, 0 },
                  { UINT32_MAX, 0, VMM_VSOCK_CREDIT_MAX },
                  { UINT32_MAX, 1, 0 },
                  { 4096, UINT32_MAX - 4095, 0 },
                  { 4096, UINT32_MAX, 4095 } };
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_CREDIT_UPDATE, MINE, PORT);
  int fd = host_open (&guest, listener, MINE, PORT);

  packet.buf_alloc = credits[_i].alloc;
  packet.fwd_cnt = credits[_i].forwarded;
  guest_send (&guest, &packet, NULL, 0);
  ck_assert_uint_eq (vmm_vsock_credit__left (vmm_vsock_table__find (guest.vsock, PORT, MINE)), credits[_i].left);
  if (credits[_i].left == 0) {
    host_say (&guest, fd, "x");
    /* At once where the guest would not speak by itself: its buffer is larger than what we send. */
    if (credits[_i].alloc <= VMM_VSOCK_CREDIT_MAX)
      driver_run_for (&guest.driver, 100);
    guest_expect (&guest, VMM_VSOCK_OP_CREDIT_REQUEST, MINE, PORT);
    guest_expect_nothing (&guest);
    ck_assert_int_eq (fake_run (guest.driver.fake, 0), 0);
  }
  close (fd);
}
END_TEST

/* 23: 100,000 requests: refused each where nobody listens; where somebody does, up to the cap. */
START_TEST (survives_a_flood_of_requests)
{
  struct vmm_vsock_packet packet;
  unsigned refused = 0;

  for (unsigned i = 0; i < 100000; i++) {
    guest_op (&guest, VMM_VSOCK_OP_REQUEST, MINE + i, PORT + 1);
    while (guest_receive (&guest, &packet)) {
      ck_assert_uint_eq (packet.op, VMM_VSOCK_OP_RST);
      refused++;
    }
  }
  ck_assert_uint_eq (refused, 100000);
  works_still ();
}
END_TEST

START_TEST (keeps_the_cap)
{
  struct vmm_vsock_packet packet;
  unsigned opened = 0, refused = 0;

  for (unsigned i = 0; i < 1000; i++) {
    guest_op (&guest, VMM_VSOCK_OP_REQUEST, MINE + i, PORT);
    ck_assert (guest_receive (&guest, &packet));
    opened += packet.op == VMM_VSOCK_OP_RESPONSE;
    refused += packet.op == VMM_VSOCK_OP_RST;
  }
  ck_assert_uint_eq (opened, 16);
  ck_assert_uint_eq (refused, 1000 - 16);
  ck_assert_uint_eq (guest.vsock->n, 16);
}
END_TEST

/* Answers that find no buffer wait, in a bounded place; then the guest's packets wait too. */
START_TEST (waits_with_refusals)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_REQUEST, MINE, PORT + 1), seen;
  struct driver_buffer buffer = { .len = VMM_VSOCK_HEADER };
  uint8_t wire[VMM_VSOCK_HEADER];
  unsigned n = 0;

  tear_down ();
  guest_open (&guest, 16, 1);
  listener = host_listen (&guest, PORT);
  vmm_vsock_packet__encode (&packet, wire);
  buffer.addr = driver_put (&guest.driver, wire, sizeof wire);
  for (unsigned i = 0; i < 250; i++)
    driver_add (&guest.driver, VMM_VSOCK_TX, &buffer, 1);
  driver_kick (&guest.driver, VMM_VSOCK_TX);
  guest_run (&guest);
  ck_assert_uint_le (guest.vsock->n_refusals, VMM_VSOCK_REFUSALS_MAX);
  ck_assert_int_eq (fake_run (guest.driver.fake, 0), 0);
  while (guest_receive (&guest, &seen))
    n += seen.op == VMM_VSOCK_OP_RST;
  ck_assert_uint_eq (n, 250);
}
END_TEST

/* Receive buffers without room for a header, or for nothing but one: given back, none is written beyond its end. */
START_TEST (gives_small_buffers_back)
{
  int fd;
  uint32_t len = 1;

  tear_down ();
  guest_open (&guest, 16, 1);
  listener = host_listen (&guest, PORT);
  fd = host_open (&guest, listener, MINE, PORT);
  guest.rx = driver_alloc (&guest.driver, 256, 16);
  /* the fixture's one buffer goes first */
  host_say (&guest, fd, "a");
  ck_assert (driver_used (&guest.driver, VMM_VSOCK_RX, NULL, &len));
  guest_add_buffer (&guest, guest.rx, _i == 0 ? 43 : 44);
  driver_kick (&guest.driver, VMM_VSOCK_RX);
  host_say (&guest, fd, "b");
  ck_assert (driver_used (&guest.driver, VMM_VSOCK_RX, NULL, &len));
  ck_assert_uint_eq (len, 0);
  guest_add_buffer (&guest, guest.rx, 45);
  driver_kick (&guest.driver, VMM_VSOCK_RX);
  guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT);
  ck_assert_mem_eq (guest.payload, "b", 1);
  close (fd);
}
END_TEST

/* A broken ring: the device wants a reset, the host's programs keep waiting, nothing spins; after the reset all is well. */
START_TEST (wants_a_reset_for_a_broken_ring)
{
  unsigned queue = (unsigned) _i;
  int fd = host_open (&guest, listener, MINE, PORT);

  driver_jump (&guest.driver, queue, 1000);
  driver_kick (&guest.driver, queue);
  ck_assert_int_eq (send (fd, "x", 1, 0), 1);
  guest_run (&guest);
  ck_assert (driver_needs_reset (&guest.driver));
  ck_assert_int_eq (fake_run (guest.driver.fake, 0), 0);
  close (fd);
  fd = host_dial (&guest);
  host_say (&guest, fd, "CONNECT 7000\n");
  host_expect_end (&guest, fd);
  close (fd);
  driver_reset (&guest.driver);
  guest_begin (&guest, GUEST_BUFFERS);
  works_still ();
}
END_TEST

/* ---- 24: the host's side ---- */

static const char *const junk[] = {
  "\n",
  "CONNECT\n",
  "CONNECT \n",
  "CONNECT 0\n",
  "CONNECT -1\n",
  "CONNECT 4294967295\n",
  "CONNECT 4294967296\n",
  "CONNECT 99999999999999999999\n",
  "CONNECT +5\n",
  "CONNECT 0x10\n",
  "CONNECT 5 \n",
  "CONNECT  5\n",
  "connect 5\n",
  "CONNECT 5\r\n",
  "LISTEN 0\n",
  "LISTEN 4294967295\n",
  "LISTEN\n",
  "GET / HTTP/1.1\r\n\r\n",
  "0123456789012345678901234567890123456789",
  "LISTEN 1024\n" /* taken */,
};

START_TEST (closes_on_junk)
{
  int fd = host_dial (&guest);

  host_say (&guest, fd, junk[_i]);
  host_expect_end (&guest, fd);
  ck_assert_uint_eq (guest.vsock->host.n_lines, 0);
  close (fd);
  works_still ();
}
END_TEST

START_TEST (takes_the_last_port)
{
  uint32_t port = 0;
  ck_assert_int_eq (vmm_vsock_line__parse ("LISTEN 4294967294", 17, &port), VMM_VSOCK_VERB_LISTEN);
  ck_assert_uint_eq (port, UINT32_MAX - 1);
  ck_assert_int_eq (vmm_vsock_line__parse ("CONNECT 1", 9, &port), VMM_VSOCK_VERB_CONNECT);
  ck_assert_uint_eq (port, 1);
  ck_assert_int_eq (vmm_vsock_line__parse ("CONNECT 0000000001", 18, &port), VMM_VSOCK_VERB_CONNECT);
  ck_assert_int_eq (vmm_vsock_line__parse ("CONNECT 00000000001", 19, &port), VMM_VSOCK_VERB_NONE);
  ck_assert_int_eq (vmm_vsock_line__parse ("CONNECT 1\0", 10, &port), VMM_VSOCK_VERB_NONE);
  ck_assert_int_eq (vmm_vsock_line__parse ("", 0, &port), VMM_VSOCK_VERB_NONE);
}
END_TEST

/* A line may come in pieces; what follows it is the stream's. */
START_TEST (reads_a_line_byte_by_byte)
{
  int fd = host_dial (&guest);
  const char *line = "LISTEN 77\n";

  for (size_t i = 0; line[i]; i++) {
    char byte[2] = { line[i], 0 };
    host_say (&guest, fd, byte);
  }
  host_expect (&guest, fd, "OK 77\n");
  close (fd);
}
END_TEST

START_TEST (swallows_a_megabyte_of_junk)
{
  static char much[65536];
  int fd = host_dial (&guest);
  ssize_t n;

  memset (much, 'C', sizeof much);
  do {
    n = send (fd, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL);
    guest_run (&guest);
  } while (n > 0);
  ck_assert_int_eq (errno, EPIPE);
  close (fd);
  works_still ();
}
END_TEST

START_TEST (ends_what_hangs_up)
{
  int fd = host_dial (&guest);

  host_say (&guest, fd, "CONN");
  ck_assert_uint_eq (guest.vsock->host.n_lines, 1);
  close (fd);
  guest_run (&guest);
  ck_assert_uint_eq (guest.vsock->host.n_lines, 0);
  close (listener);
  guest_run (&guest);
  ck_assert_uint_eq (guest.vsock->host.n_listeners, 0);
  listener = host_listen (&guest, PORT);
}
END_TEST

/* 24: idle programs: at most 64 are listened to at once, each for two seconds; somebody who comes later gets a turn. */
START_TEST (ends_idle_programs)
{
  int fds[200], late;
  int64_t end = vmm_loop__now () + INT64_C (9500000000);

  for (unsigned i = 0; i < 200; i++)
    fds[i] = host_dial (&guest);
  late = host_dial (&guest);
  ck_assert_int_eq (send (late, "LISTEN 9\n", 9, 0), 9);
  while (guest.vsock->host.n_listeners < 2) {
    ck_assert_int_lt (vmm_loop__now (), end);
    ck_assert_uint_le (guest.vsock->host.n_lines, VMM_VSOCK_LINES_MAX);
    vmm_loop__step (guest.driver.env->loop, 100);
  }
  for (unsigned i = 0; i < 128; i++)
    host_expect_end (&guest, fds[i]);
  for (unsigned i = 0; i < 200; i++)
    close (fds[i]);
  guest_run (&guest);
  host_expect (&guest, late, "OK 9\n");
  close (late);
}
END_TEST

/* A program that does not accept: the guest is refused, and nothing piles up here. */
START_TEST (refuses_when_the_listener_sleeps)
{
  struct vmm_vsock_packet packet;
  unsigned n = 0;

  tear_down ();
  guest_open (&guest, 4000, GUEST_BUFFERS);
  listener = host_listen (&guest, PORT);
  for (packet.op = 0; packet.op != VMM_VSOCK_OP_RST; n++) {
    ck_assert_uint_lt (n, 4001);
    guest_op (&guest, VMM_VSOCK_OP_REQUEST, MINE + n, PORT);
    ck_assert (guest_receive (&guest, &packet));
  }
  ck_assert_uint_lt (guest.vsock->n, 4000);
}
END_TEST

START_TEST (checks_its_configuration)
{
  struct driver driver;
  kata_error *error = NULL;
  struct vmm_vsock_config config = { .cid = 2, .listen_fd = guest.listen_fd };

  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_vsock_ops, &config, &error), KATA_E_INVALID);
  kata_error_unrefp (&error);
  config.cid = 3;
  config.connections = 1 << 20;
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_vsock_ops, &config, &error), KATA_E_LIMIT);
  kata_error_unrefp (&error);
  config.connections = 1;
  config.listen_fd = -1;
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_vsock_ops, &config, &error), KATA_E_IO);
  kata_error_unrefp (&error);
  driver_close (&driver);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/vsock-hostile");
  TCase *c = tcase_create ("packets");

  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_set_timeout (c, 60);
  tcase_add_loop_test (c, refuses_strangers, 0, sizeof strangers / sizeof *strangers);
  tcase_add_test (c, keeps_strangers_from_connections);
  tcase_add_loop_test (c, refuses_unknown_words, 0, sizeof unknown / sizeof *unknown);
  tcase_add_loop_test (c, refuses_wrong_lengths, 0, 4);
  tcase_add_loop_test (c, drops_short_packets, 0, 3);
  tcase_add_test (c, refuses_data_out_of_turn);
  tcase_add_test (c, refuses_data_beyond_credit);
  tcase_add_loop_test (c, refuses_to_connect_twice, 0, 2);
  tcase_add_loop_test (c, caps_the_guests_credit, 0, 5);
  tcase_add_test (c, survives_a_flood_of_requests);
  tcase_add_test (c, keeps_the_cap);
  tcase_add_test (c, waits_with_refusals);
  tcase_add_loop_test (c, gives_small_buffers_back, 0, 2);
  tcase_add_loop_test (c, wants_a_reset_for_a_broken_ring, 0, 2);
  suite_add_tcase (s, c);

  c = tcase_create ("programs");
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_set_timeout (c, 30);
  tcase_add_loop_test (c, closes_on_junk, 0, sizeof junk / sizeof *junk);
  tcase_add_test (c, takes_the_last_port);
  tcase_add_test (c, reads_a_line_byte_by_byte);
  tcase_add_test (c, swallows_a_megabyte_of_junk);
  tcase_add_test (c, ends_what_hangs_up);
  tcase_add_test (c, ends_idle_programs);
  tcase_add_test (c, refuses_when_the_listener_sleeps);
  tcase_add_test (c, checks_its_configuration);
  suite_add_tcase (s, c);
  return s;
}

int
main (void)
{
  SRunner *runner = srunner_create (suite ());
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
