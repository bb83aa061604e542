/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams through the vsock device: connections both ways, data, credit, half-close, reset, pause; hostile packets are test-vsock-hostile.c. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vsock-guest.h"

#define PORT 1024u /* the host's */
#define MINE 7000u /* the guest's */

static struct guest guest;
static int listener = -1;

static void
set_up (void)
{
  guest_open (&guest, 0, GUEST_BUFFERS);
  listener = host_listen (&guest, PORT);
}

static void
tear_down (void)
{
  close (listener);
  guest_close (&guest);
}

static void
fill (uint8_t *bytes, size_t len, unsigned seed)
{
  for (size_t i = 0; i < len; i++)
    bytes[i] = (uint8_t) ((i * 31 + (i >> 8) * 7 + seed) & 0xff);
}

static void
send_data (const void *bytes, size_t len)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_RW, MINE, PORT);
  packet.len = (uint32_t) len;
  guest_send (&guest, &packet, bytes, len);
}

START_TEST (shows_its_cid)
{
  uint64_t value = 0;
  vmm_virtio__config (guest.driver.device, 0, 8, &value, false);
  ck_assert_uint_eq (value, GUEST_CID);
  ck_assert_uint_eq (guest.driver.device->ops->device_id, 19);
}
END_TEST

START_TEST (carries_a_stream_from_the_guest)
{
  uint8_t bytes[3000], got[3000];
  int fd = host_open (&guest, listener, MINE, PORT);
  struct vmm_vsock_packet packet;

  fill (bytes, sizeof bytes, 1);
  send_data (bytes, sizeof bytes);
  ck_assert_int_eq (host_hear (&guest, fd, got, sizeof got), sizeof got);
  ck_assert_mem_eq (got, bytes, sizeof got);
  host_say (&guest, fd, "hello");
  packet = guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT);
  ck_assert_uint_eq (packet.len, 5);
  ck_assert_mem_eq (guest.payload, "hello", 5);
  ck_assert_uint_eq (packet.fwd_cnt, sizeof bytes);
  close (fd);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, PORT).flags, VMM_VSOCK_SHUT_BOTH);
  guest_op (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  ck_assert_uint_eq (guest.vsock->n, 0);
}
END_TEST

START_TEST (carries_a_stream_from_the_host)
{
  struct vmm_vsock_packet packet;
  char answer[32];
  int fd = host_dial (&guest);

  host_say (&guest, fd, "CONNECT 7000\nearly");
  ck_assert (guest_receive (&guest, &packet));
  ck_assert_uint_eq (packet.op, VMM_VSOCK_OP_REQUEST);
  ck_assert_uint_eq (packet.dst_port, MINE);
  ck_assert_uint_ge (packet.src_port, VMM_VSOCK_PORT_FIRST);
  ck_assert_int_eq (host_hear (&guest, fd, answer, sizeof answer), -1);
  guest_op (&guest, VMM_VSOCK_OP_RESPONSE, MINE, packet.src_port);
  snprintf (answer, sizeof answer, "OK %u\n", packet.src_port);
  host_expect (&guest, fd, answer);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, packet.src_port).len, 5);
  ck_assert_mem_eq (guest.payload, "early", 5);
  close (fd);
  guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, packet.src_port);
}
END_TEST

START_TEST (passes_a_refusal_of_the_guest_on)
{
  struct vmm_vsock_packet packet;
  int fd = host_dial (&guest);

  host_say (&guest, fd, "CONNECT 7000\n");
  ck_assert (guest_receive (&guest, &packet));
  guest_op (&guest, VMM_VSOCK_OP_RST, MINE, packet.src_port);
  host_expect_end (&guest, fd);
  ck_assert_uint_eq (guest.vsock->n, 0);
  close (fd);
}
END_TEST

START_TEST (gives_up_when_the_program_does)
{
  struct vmm_vsock_packet packet;
  int fd = host_dial (&guest);

  host_say (&guest, fd, "CONNECT 7000\n");
  ck_assert (guest_receive (&guest, &packet));
  close (fd);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, packet.src_port);
  ck_assert_uint_eq (guest.vsock->n, 0);
}
END_TEST

START_TEST (closes_each_direction_alone)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_SHUTDOWN, MINE, PORT);
  int fd = host_open (&guest, listener, MINE, PORT);

  send_data ("last", 4);
  packet.flags = VMM_VSOCK_SHUT_SEND;
  guest_send (&guest, &packet, NULL, 0);
  host_expect (&guest, fd, "last");
  host_expect_end (&guest, fd);
  host_say (&guest, fd, "still");
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT).len, 5);
  shutdown (fd, SHUT_WR);
  ck_assert_uint_ne (guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, PORT).flags & VMM_VSOCK_SHUT_SEND, 0);
  packet.flags = VMM_VSOCK_SHUT_BOTH;
  guest_send (&guest, &packet, NULL, 0);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  ck_assert_uint_eq (guest.vsock->n, 0);
  close (fd);
}
END_TEST

START_TEST (lets_the_host_close_its_half)
{
  int fd = host_open (&guest, listener, MINE, PORT);

  shutdown (fd, SHUT_WR);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, PORT).flags, VMM_VSOCK_SHUT_SEND);
  send_data ("more", 4);
  host_expect (&guest, fd, "more");
  close (fd);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, PORT).flags, VMM_VSOCK_SHUT_BOTH);
  guest_expect_nothing (&guest);
}
END_TEST

START_TEST (lets_the_guest_stop_reading)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_SHUTDOWN, MINE, PORT);
  int fd = host_open (&guest, listener, MINE, PORT);

  packet.flags = VMM_VSOCK_SHUT_RCV;
  guest_send (&guest, &packet, NULL, 0);
  ck_assert_int_eq (send (fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), -1);
  ck_assert_int_eq (errno, EPIPE);
  send_data ("more", 4);
  host_expect (&guest, fd, "more");
  close (fd);
  guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, PORT);
}
END_TEST

START_TEST (resets_as_the_guest_does)
{
  int fd = host_open (&guest, listener, MINE, PORT);

  guest_op (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  host_expect_end (&guest, fd);
  ck_assert_uint_eq (guest.vsock->n, 0);
  guest_expect_nothing (&guest);
  close (fd);
}
END_TEST

/* The program reads nothing: the guest can send what it was promised, no more, and all of it arrives. */
START_TEST (holds_no_more_than_it_promised)
{
  static uint8_t bytes[2 << 20], got[2 << 20];
  int fd = host_open (&guest, listener, MINE, PORT);
  struct vmm_vsock_conn *conn = vmm_vsock_table__find (guest.vsock, PORT, MINE);
  struct vmm_vsock_packet packet;
  size_t sent = 0, read = 0;
  ssize_t n;

  fill (bytes, sizeof bytes, 9);
  ck_assert_uint_le (conn->alloc, VMM_VSOCK_CREDIT_MAX);
  for (;;) {
    uint32_t room = conn->alloc - (conn->got - conn->told);
    uint32_t len = room < VMM_VSOCK_PAYLOAD_MAX ? room : VMM_VSOCK_PAYLOAD_MAX;
    if (len == 0)
      break;
    ck_assert_uint_lt (sent + len, sizeof bytes);
    send_data (bytes + sent, len);
    sent += len;
    while (guest_receive (&guest, &packet))
      ck_assert_uint_eq (packet.op, VMM_VSOCK_OP_CREDIT_UPDATE);
  }
  ck_assert_uint_le (conn->held, conn->alloc);
  while ((n = host_hear (&guest, fd, got + read, sizeof got - read)) > 0)
    read += (size_t) n;
  ck_assert_uint_eq (read, sent);
  ck_assert_mem_eq (got, bytes, sent);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_CREDIT_UPDATE, MINE, PORT).buf_alloc, conn->alloc);
  ck_assert_ptr_null (conn->buffer);
  close (fd);
}
END_TEST

/* What a slow program has not read outlives the guest's close, and the guest may use the port again at once. */
START_TEST (lingers_for_a_slow_program)
{
  static uint8_t bytes[1 << 20], got[1 << 20];
  int fd = host_open (&guest, listener, MINE, PORT), again;
  struct vmm_vsock_conn *conn = vmm_vsock_table__find (guest.vsock, PORT, MINE);
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_SHUTDOWN, MINE, PORT), seen;
  size_t sent = 0, read = 0;
  ssize_t n;

  fill (bytes, sizeof bytes, 4);
  while (conn->held == 0) {
    send_data (bytes + sent, 32768);
    sent += 32768;
    while (guest_receive (&guest, &seen))
      ;
  }
  packet.flags = VMM_VSOCK_SHUT_BOTH;
  guest_send (&guest, &packet, NULL, 0);
  guest_expect (&guest, VMM_VSOCK_OP_RST, MINE, PORT);
  ck_assert_uint_eq (guest.vsock->n, 1);
  again = host_open (&guest, listener, MINE, PORT);
  while ((n = host_hear (&guest, fd, got + read, sizeof got - read)) > 0)
    read += (size_t) n;
  ck_assert_int_eq (n, 0);
  ck_assert_uint_eq (read, sent);
  ck_assert_mem_eq (got, bytes, sent);
  guest_run (&guest);
  ck_assert_uint_eq (guest.vsock->n, 1);
  close (again);
  close (fd);
}
END_TEST

START_TEST (obeys_the_guests_credit)
{
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_CREDIT_UPDATE, MINE, PORT), seen;
  int fd = host_open (&guest, listener, MINE, PORT);

  packet.buf_alloc = 10;
  guest_send (&guest, &packet, NULL, 0);
  host_say (&guest, fd, "0123456789abcde");
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT).len, 10);
  guest_expect_nothing (&guest);
  /* It is asked when it has said nothing for a while; a guest that takes more than we send would never say anything. */
  driver_run_for (&guest.driver, 100);
  guest_expect (&guest, VMM_VSOCK_OP_CREDIT_REQUEST, MINE, PORT);
  guest_expect_nothing (&guest);
  packet.fwd_cnt = 3;
  guest_send (&guest, &packet, NULL, 0);
  seen = guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT);
  ck_assert_uint_eq (seen.len, 3);
  ck_assert_mem_eq (guest.payload, "abc", 3);
  packet.fwd_cnt = 13;
  guest_send (&guest, &packet, NULL, 0);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT).len, 2);
  close (fd);
}
END_TEST

/* A program that says much is read into many of the guest's buffers at once; what comes and in which order stays the same. */
START_TEST (reads_much_at_once)
{
  enum { PIECE = 100000 };
  int fd = host_open (&guest, listener, MINE, PORT);
  struct vmm_vsock_packet packet = guest_packet (VMM_VSOCK_OP_CREDIT_UPDATE, MINE, PORT), seen;
  static uint8_t sent[PIECE], got[PIECE];
  size_t full = 0;

  for (size_t i = 0; i < PIECE; i++)
    sent[i] = (uint8_t) (i * 7 + i / 251);
  packet.buf_alloc = VMM_VSOCK_CREDIT_MAX;
  guest_send (&guest, &packet, NULL, 0);
  for (uint32_t done = 0, said = 0; done < PIECE;) {
    ssize_t n = send (fd, sent + said, PIECE - said, MSG_DONTWAIT);
    said += n > 0 ? (uint32_t) n : 0;
    guest_run (&guest);
    while (guest_receive (&guest, &seen)) {
      ck_assert_uint_eq (seen.op, VMM_VSOCK_OP_RW);
      ck_assert_uint_le (seen.len, PIECE - done);
      memcpy (got + done, guest.payload, seen.len);
      done += seen.len;
      full += seen.len == GUEST_ROOM;
    }
  }
  ck_assert_mem_eq (got, sent, PIECE);
  ck_assert_uint_ge (full, PIECE / GUEST_ROOM / 2);
  ck_assert_uint_gt (vmm_vsock_table__find (guest.vsock, PORT, MINE)->burst, 1);
  close (fd);
}
END_TEST

START_TEST (answers_a_question_for_credit)
{
  int fd = host_open (&guest, listener, MINE, PORT);

  guest_op (&guest, VMM_VSOCK_OP_CREDIT_REQUEST, MINE, PORT);
  ck_assert_uint_ge (guest_expect (&guest, VMM_VSOCK_OP_CREDIT_UPDATE, MINE, PORT).buf_alloc, VMM_VSOCK_CREDIT_MIN);
  close (fd);
}
END_TEST

/* Everyone in turn: a connection with a lot to say does not keep others waiting. */
START_TEST (serves_everyone_in_turn)
{
  int fds[3];
  char much[16384] = { 0 };
  struct vmm_vsock_packet packet;
  unsigned first[3] = { 0 };

  for (unsigned i = 0; i < 3; i++)
    fds[i] = host_open (&guest, listener, MINE + i, PORT);
  vmm_virtio__pause (guest.driver.device);
  for (unsigned i = 0; i < 3; i++)
    ck_assert_int_eq (send (fds[i], much, sizeof much, MSG_DONTWAIT), sizeof much);
  guest_expect_nothing (&guest);
  vmm_virtio__unpause (guest.driver.device);
  for (unsigned n = 1; n <= 6; n++) {
    ck_assert (guest_receive (&guest, &packet));
    ck_assert_uint_eq (packet.op, VMM_VSOCK_OP_RW);
    if (n <= 3)
      first[packet.dst_port - MINE]++;
  }
  ck_assert (first[0] + first[1] + first[2] == 3);
  for (unsigned i = 0; i < 3; i++)
    close (fds[i]);
}
END_TEST

/* No buffers, no work: the loop rests although there is something to read; the next buffers bring it. */
START_TEST (rests_without_buffers)
{
  struct vmm_vsock_packet packet;
  int fd;

  tear_down ();
  guest_open (&guest, 0, 2);
  listener = host_listen (&guest, PORT);
  fd = host_open (&guest, listener, MINE, PORT);
  /* The fixture gives buffers again as it takes packets: take none. */
  for (unsigned i = 0; i < 40; i++) {
    char much[1024] = { 0 };
    ck_assert_int_eq (send (fd, much, sizeof much, MSG_DONTWAIT), sizeof much);
  }
  guest_run (&guest);
  ck_assert_int_eq (fake_run (guest.driver.fake, 0), 0);
  close (fd);
  ck_assert_int_eq (fake_run (guest.driver.fake, 0), 0);
  for (size_t got = 0; got < 40 * 1024; got += packet.len) {
    ck_assert (guest_receive (&guest, &packet));
    ck_assert_uint_eq (packet.op, VMM_VSOCK_OP_RW);
  }
  guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE, PORT);
}
END_TEST

START_TEST (does_nothing_while_paused)
{
  int fd = host_open (&guest, listener, MINE, PORT), late;

  vmm_virtio__pause (guest.driver.device);
  ck_assert_int_eq (send (fd, "x", 1, 0), 1);
  late = host_dial (&guest);
  ck_assert_int_eq (send (late, "LISTEN 5\n", 9, 0), 9);
  ck_assert_int_eq (fake_run (guest.driver.fake, 0), 0);
  vmm_virtio__unpause (guest.driver.device);
  guest_expect (&guest, VMM_VSOCK_OP_RW, MINE, PORT);
  host_expect (&guest, late, "OK 5\n");
  close (fd);
  close (late);
}
END_TEST

/* A reset of the device ends connections; who listens on the host listens still. */
START_TEST (forgets_connections_at_reset)
{
  int fd = host_open (&guest, listener, MINE, PORT);

  driver_reset (&guest.driver);
  host_expect_end (&guest, fd);
  close (fd);
  guest_begin (&guest, GUEST_BUFFERS);
  fd = host_open (&guest, listener, MINE, PORT);
  close (fd);
}
END_TEST

START_TEST (tells_of_a_transport_reset)
{
  vmm_gpa event = driver_alloc (&guest.driver, 8, 4);
  struct driver_buffer buffer = { .addr = event, .len = 8, .write = true };
  int fd = host_open (&guest, listener, MINE, PORT);
  uint32_t len;

  vmm_vsock__transport_reset (guest.vsock);
  host_expect_end (&guest, fd);
  ck_assert (!driver_used (&guest.driver, VMM_VSOCK_EVENT, NULL, NULL));
  driver_add (&guest.driver, VMM_VSOCK_EVENT, &buffer, 1);
  driver_kick (&guest.driver, VMM_VSOCK_EVENT);
  guest_run (&guest);
  ck_assert (driver_used (&guest.driver, VMM_VSOCK_EVENT, NULL, &len));
  ck_assert_uint_eq (len, 4);
  close (fd);
}
END_TEST

START_TEST (gives_each_its_share)
{
  struct vmm_vsock_conn *conn;
  int fds[40];
  uint64_t sum = 0;

  for (unsigned i = 0; i < 40; i++) {
    fds[i] = host_open (&guest, listener, MINE + i, PORT);
    conn = vmm_vsock_table__find (guest.vsock, PORT, MINE + i);
    ck_assert_uint_ge (conn->alloc, VMM_VSOCK_CREDIT_MIN);
    sum += conn->alloc;
  }
  ck_assert_uint_le (sum, VMM_VSOCK_CREDIT_POOL + 40 * VMM_VSOCK_CREDIT_MIN);
  for (unsigned i = 0; i < 40; i++) {
    guest_op (&guest, VMM_VSOCK_OP_RST, MINE + i, PORT);
    close (fds[i]);
  }
  ck_assert_uint_eq (guest.vsock->pool, VMM_VSOCK_CREDIT_POOL);
}
END_TEST

/* With EVENT_IDX too: a driver that kicks only when it is asked to is never forgotten. */
START_TEST (opens_and_closes_thousands)
{
  if (_i) {
    tear_down ();
    guest_make (&guest, 0);
    guest.event_idx = true;
    guest_begin (&guest, 2);
    listener = host_listen (&guest, PORT);
  }
  for (unsigned i = 0; i < 3000; i++) {
    int fd = host_open (&guest, listener, MINE + i, PORT);
    close (fd);
    guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, MINE + i, PORT);
    guest_op (&guest, VMM_VSOCK_OP_RST, MINE + i, PORT);
  }
  ck_assert_uint_eq (guest.vsock->n, 0);
}
END_TEST

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

/* The programs of a host whose guest boots: some give up, one speaks early, one is too many. */
START_TEST (holds_until_the_driver_is_there)
{
  struct vmm_vsock_packet packet;
  char answer[32];
  int gone, fd, last = -1, many[VMM_VSOCK_HELD_MAX - 1];

  tear_down ();
  guest_make (&guest, 16);
  listener = host_listen (&guest, PORT);
  gone = host_dial (&guest);
  host_say (&guest, gone, "CONNECT 6000\n");
  fd = host_dial (&guest);
  host_say (&guest, fd, "CONNECT 7000\nearly");
  ck_assert_uint_eq (guest.vsock->host.n_held, 2);
  close (gone);
  guest_run (&guest);
  ck_assert_uint_eq (guest.vsock->host.n_held, 1);
  for (unsigned i = 0; i < VMM_VSOCK_HELD_MAX - 1; i++) {
    many[i] = host_dial (&guest);
    host_say (&guest, many[i], "CONNECT 6000\n");
  }
  last = host_dial (&guest);
  host_say (&guest, last, "CONNECT 6000\n");
  host_expect_end (&guest, last);
  close (last);
  ck_assert_int_eq (host_hear (&guest, fd, answer, sizeof answer), -1);
  for (unsigned i = 0; i < VMM_VSOCK_HELD_MAX - 1; i++)
    close (many[i]);
  guest_run (&guest);
  ck_assert_uint_eq (guest.vsock->host.n_held, 1);
  guest_begin (&guest, GUEST_BUFFERS);
  ck_assert_uint_eq (guest.vsock->host.n_held, 0);
  ck_assert (guest_receive (&guest, &packet));
  ck_assert_uint_eq (packet.op, VMM_VSOCK_OP_REQUEST);
  ck_assert_uint_eq (packet.dst_port, 7000);
  guest_op (&guest, VMM_VSOCK_OP_RESPONSE, 7000, packet.src_port);
  snprintf (answer, sizeof answer, "OK %u\n", packet.src_port);
  host_expect (&guest, fd, answer);
  ck_assert_uint_eq (guest_expect (&guest, VMM_VSOCK_OP_RW, 7000, packet.src_port).len, 5);
  close (fd);
  guest_expect (&guest, VMM_VSOCK_OP_SHUTDOWN, 7000, packet.src_port);
  guest_op (&guest, VMM_VSOCK_OP_RST, 7000, packet.src_port);
  works_still ();
}
END_TEST

/* Its driver gave the device up: nobody waits for it. */
START_TEST (refuses_whom_no_driver_will_serve)
{
  int fd;

  tear_down ();
  guest_make (&guest, 16);
  listener = host_listen (&guest, PORT);
  vmm_virtio__set_status (guest.driver.device, VMM_VIRTIO_S_FAILED);
  fd = host_dial (&guest);
  host_say (&guest, fd, "CONNECT 7000\n");
  host_expect_end (&guest, fd);
  close (fd);
  vmm_virtio__set_status (guest.driver.device, 0); /* another driver tries */
  guest_begin (&guest, GUEST_BUFFERS);
  works_still ();
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/vsock");
  TCase *c = tcase_create ("streams");

  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_set_timeout (c, 60); /* thousands of connections, perhaps under sanitizers on a busy machine */
  tcase_add_test (c, shows_its_cid);
  tcase_add_test (c, carries_a_stream_from_the_guest);
  tcase_add_test (c, carries_a_stream_from_the_host);
  tcase_add_test (c, passes_a_refusal_of_the_guest_on);
  tcase_add_test (c, gives_up_when_the_program_does);
  tcase_add_test (c, closes_each_direction_alone);
  tcase_add_test (c, lets_the_host_close_its_half);
  tcase_add_test (c, lets_the_guest_stop_reading);
  tcase_add_test (c, resets_as_the_guest_does);
  tcase_add_test (c, holds_no_more_than_it_promised);
  tcase_add_test (c, lingers_for_a_slow_program);
  tcase_add_test (c, obeys_the_guests_credit);
  tcase_add_test (c, reads_much_at_once);
  tcase_add_test (c, answers_a_question_for_credit);
  tcase_add_test (c, serves_everyone_in_turn);
  tcase_add_test (c, rests_without_buffers);
  tcase_add_test (c, does_nothing_while_paused);
  tcase_add_test (c, forgets_connections_at_reset);
  tcase_add_test (c, tells_of_a_transport_reset);
  tcase_add_test (c, gives_each_its_share);
  tcase_add_test (c, holds_until_the_driver_is_there);
  tcase_add_test (c, refuses_whom_no_driver_will_serve);
  tcase_add_loop_test (c, opens_and_closes_thousands, 0, 2);
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
