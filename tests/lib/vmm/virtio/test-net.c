/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network card: frames both ways, over one buffer or several, limits, queues, a wire that is full or gone; and case 22 of docs/security.md. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net-guest.h"

static struct card card;
static const uint8_t plain[VMM_NET_HEADER];

static void
set_up (void)
{
  card_make (&card, 1, NULL);
  card_begin (&card, CARD_FEATURES, 16, 1536);
}

static void
tear_down (void)
{
  card_close (&card);
}

static void
again (uint64_t features, unsigned n, uint32_t len)
{
  tear_down ();
  card_make (&card, 1, NULL);
  card_begin (&card, features, n, len);
}

static void
works_still (void)
{
  ck_assert (!driver_needs_reset (&card.driver));
  card_send (&card, 0, plain, 60);
  ck_assert_int_eq (card_wire (&card, 0), VMM_NET_HEADER + 60);
  card_buffer (&card, 1536);
  driver_kick (&card.driver, 0);
  card_give (&card, 0, 61);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 61);
}

START_TEST (shows_its_configuration)
{
  static const uint8_t wanted[12] = { 2, 0, 0, 0, 0, 7, 1, 0, 1, 0, 0xdc, 5 };
  uint8_t got[12];

  for (unsigned i = 0; i < sizeof got; i++) {
    uint64_t value = 0;
    vmm_virtio__config (card.driver.device, i, 1, &value, false);
    got[i] = (uint8_t) value;
  }
  ck_assert_mem_eq (got, wanted, sizeof got);
  ck_assert_uint_eq (card.driver.device->ops->device_id, 1);
}
END_TEST

START_TEST (carries_frames_both_ways)
{
  for (unsigned i = 0; i < 300; i++) {
    size_t len = 14 + i * 5;
    card_send (&card, 0, plain, len);
    ck_assert_int_eq (card_wire (&card, 0), (ssize_t) (VMM_NET_HEADER + len));
    ck_assert_uint_eq (card.frame[VMM_NET_HEADER + len - 1], card_byte (len - 1));
    card_give (&card, 0, len);
    ck_assert_int_eq (card_take (&card), (ssize_t) (VMM_NET_HEADER + len));
    ck_assert_uint_eq (card.frame[10], 1);
    card_buffer (&card, 1536);
    driver_kick (&card.driver, 0);
  }
}
END_TEST

START_TEST (spreads_a_frame_over_buffers)
{
  again (CARD_FEATURES, 60, 1536);
  card_give (&card, 0, 60000);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 60000);
  ck_assert_uint_eq (card.frame[10], (VMM_NET_HEADER + 60000 + 1535) / 1536);
}
END_TEST

/* A frame that waits for further buffers is not seen in part, and is whole in the end. */
START_TEST (waits_with_half_a_frame)
{
  again (CARD_FEATURES, 2, 1536);
  card_give (&card, 0, 10000);
  card_give (&card, 0, 100);
  ck_assert_int_eq (card_take (&card), -1);
  ck_assert_int_eq (fake_run (card.driver.fake, 0), 0);
  for (unsigned i = 0; i < 4; i++)
    card_buffer (&card, 1536);
  driver_kick (&card.driver, 0);
  ck_assert_int_eq (card_take (&card), -1);
  for (unsigned i = 0; i < 4; i++)
    card_buffer (&card, 1536);
  driver_kick (&card.driver, 0);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 10000);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 100);
}
END_TEST

START_TEST (uses_one_large_buffer)
{
  again (CARD_FEATURES & ~VMM_NET_F_MRG_RXBUF, 2, VMM_NET_HEADER + VMM_NET_FRAME_MAX);
  card_give (&card, 0, VMM_NET_FRAME_MAX);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + VMM_NET_FRAME_MAX);
  ck_assert_uint_eq (card.frame[10], 1);
}
END_TEST

/* Without merging, a frame that is too long is dropped and the buffer serves the next one. */
START_TEST (drops_what_does_not_fit)
{
  again (CARD_FEATURES & ~VMM_NET_F_MRG_RXBUF, 1, 1536);
  card_give (&card, 0, 1600);
  card_give (&card, 0, 1500);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 1500);
}
END_TEST

/* CVE-2020-16843: frames without end and no buffers, then buffers: it rests meanwhile, and goes on. */
START_TEST (goes_on_after_a_flood)
{
  uint8_t frame[1024] = { 0 };
  unsigned n = 0;

  /* With EVENT_IDX too, and a driver that kicks only when it is asked to. */
  again (_i == 0 ? CARD_FEATURES : CARD_FEATURES | VMM_VIRTIO_F_EVENT_IDX, 1, 1536);
  while (send (card.wires[0], frame, sizeof frame, MSG_DONTWAIT) > 0)
    n++;
  ck_assert_uint_gt (n, 20);
  card_run (&card);
  ck_assert_int_eq (fake_run (card.driver.fake, 0), 0);
  ck_assert (driver_used (&card.driver, 0, NULL, NULL));
  for (unsigned i = 1; i < n; i++) {
    card_buffer (&card, 1536);
    if (driver_wants_kick (&card.driver, 0))
      driver_kick (&card.driver, 0);
    card_run (&card);
    ck_assert_msg (driver_used (&card.driver, 0, NULL, NULL), "frame %u of %u", i, n);
  }
}
END_TEST

START_TEST (waits_for_a_full_wire)
{
  struct driver_buffer buffer = { .addr = card.tx, .len = VMM_NET_HEADER + 1400 };
  unsigned sent = 0, got = 0;

  while (card.net->pairs[0].full == false) {
    driver_add (&card.driver, 1, &buffer, 1);
    driver_kick (&card.driver, 1);
    card_run (&card);
    sent++;
    while (driver_used (&card.driver, 1, NULL, NULL))
      ;
  }
  ck_assert_int_eq (fake_run (card.driver.fake, 0), 0);
  while (card_wire (&card, 0) > 0)
    got++;
  ck_assert_uint_eq (got, sent);
}
END_TEST

START_TEST (sees_the_wire_go)
{
  uint64_t value = 0;

  close (card.wires[0]);
  if (_i)
    card_send (&card, 0, plain, 60);
  card_run (&card);
  ck_assert_int_eq (fake_run (card.driver.fake, 0), 0);
  vmm_virtio__config (card.driver.device, 6, 2, &value, false);
  ck_assert_uint_eq (value, 0);
  ck_assert_uint_eq (card.driver.config_interrupts, 1);
  card_send (&card, 0, plain, 60); /* taken, and lost */
  ck_assert (!driver_needs_reset (&card.driver));
}
END_TEST

START_TEST (does_nothing_while_paused)
{
  card_give (&card, 0, 100);
  vmm_virtio__pause (card.driver.device);
  ck_assert_int_eq (card_take (&card), -1);
  vmm_virtio__unpause (card.driver.device);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 100);
}
END_TEST

START_TEST (begins_anew_after_a_reset)
{
  again (CARD_FEATURES, 1, 1536);
  card_give (&card, 0, 5000);
  ck_assert_int_eq (card_take (&card), -1);
  driver_reset (&card.driver);
  ck_assert_int_eq (fake_run (card.driver.fake, 0), 0);
  card_begin (&card, CARD_FEATURES, 8, 1536);
  works_still ();
}
END_TEST

START_TEST (obeys_limits)
{
  const struct vmm_net_config limits = { .rx = { .bytes = 100000, .bytes_burst = 10000 },
                                         .tx = { .ops = 50, .ops_burst = 5 } };
  int64_t begin = vmm_loop__now (), end;

  tear_down ();
  card_make (&card, 1, &limits);
  card_begin (&card, CARD_FEATURES, 64, 1536);
  for (unsigned i = 0; i < 15; i++)
    card_send (&card, 0, plain, 60);
  end = vmm_loop__now ();
  ck_assert_int_ge (end - begin, INT64_C (190000000)); /* ten beyond the burst, 50 a second */
  begin = end;
  for (unsigned i = 0; i < 31; i++)
    card_give (&card, 0, 1000);
  for (unsigned i = 0; i < 31;) {
    i += driver_used (&card.driver, 0, NULL, NULL);
    vmm_loop__step (card.driver.env->loop, 5);
    ck_assert_int_lt (vmm_loop__now () - begin, INT64_C (5000000000));
  }
  ck_assert_int_ge (vmm_loop__now () - begin, INT64_C (190000000));
}
END_TEST

/* Several queues: before the guest asks for more, all taps feed the first; then each its own; back again. */
START_TEST (spreads_over_queues)
{
  static const uint8_t two[4] = { 4, 0, 2, 0 }, one[4] = { 4, 0, 1, 0 }, three[4] = { 4, 0, 3, 0 },
                       none[4] = { 4, 0, 0, 0 };
  struct driver_buffer buffer = { .len = 1536, .write = true };

  tear_down ();
  card_make (&card, 2, NULL);
  card_begin (&card, CARD_FEATURES | VMM_NET_F_MQ, 16, 1536);
  card_give (&card, 1, 100);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 100);
  ck_assert_int_eq (card_control (&card, three, 4), 1);
  ck_assert_int_eq (card_control (&card, none, 4), 1);
  ck_assert_int_eq (card_control (&card, two, 4), 0);
  buffer.addr = driver_alloc (&card.driver, 1536, 16);
  driver_add (&card.driver, 2, &buffer, 1);
  driver_kick (&card.driver, 2);
  card_give (&card, 1, 100);
  card_run (&card);
  ck_assert (driver_used (&card.driver, 2, NULL, NULL));
  card_send (&card, 1, plain, 60);
  ck_assert_int_eq (card_wire (&card, 1), VMM_NET_HEADER + 60);
  ck_assert_int_eq (card_wire (&card, 0), -1);
  ck_assert_int_eq (card_control (&card, one, 4), 0);
  card_give (&card, 1, 100);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 100);
}
END_TEST

/* ---- case 22 ---- */

START_TEST (drops_short_frames)
{
  static const uint32_t lens[] = { 1, 11, 12, 13, 25 };
  struct driver_buffer buffer = { .addr = card.tx, .len = lens[_i] };

  driver_request (&card.driver, 1, &buffer, 1);
  buffer.write = true;
  driver_request (&card.driver, 1, &buffer, 1); /* nothing to read at all */
  ck_assert_int_eq (card_wire (&card, 0), -1);
  works_still ();
}
END_TEST

START_TEST (drops_long_frames)
{
  card_send (&card, 0, plain, VMM_NET_FRAME_MAX + 1);
  ck_assert_int_eq (card_wire (&card, 0), -1);
  card_send (&card, 0, plain, VMM_NET_FRAME_MAX);
  ck_assert_int_eq (card_wire (&card, 0), VMM_NET_HEADER + VMM_NET_FRAME_MAX);
  works_still ();
}
END_TEST

/* flags, gso_type, hdr_len, gso_size, csum_start, csum_offset of a frame of 100 bytes */
static const uint16_t headers[][7] = {
  /* the last: may it pass? */
  { 0, 0, 0, 0, 0, 0, 1 },
  { 1, 0, 0, 0, 34, 16, 1 },
  { 1, 0, 0, 0, 34, 64, 1 },
  { 1, 0, 0, 0, 34, 65, 0 },
  { 1, 0, 0, 0, 100, 0, 0 },
  { 1, 0, 0, 0, 0xffff, 0xffff, 0 },
  { 1, 1, 54, 20, 34, 16, 1 },
  { 1, 0x81, 54, 20, 34, 16, 1 },
  { 1, 4, 54, 20, 34, 16, 1 },
  { 0, 1, 54, 20, 34, 16, 0 },
  { 1, 1, 54, 0, 34, 16, 0 },
  { 1, 1, 101, 20, 34, 16, 0 },
  { 1, 2, 54, 20, 34, 16, 0 },
  { 1, 3, 54, 20, 34, 16, 0 },
  { 1, 5, 54, 20, 34, 16, 0 },
  { 1, 0x80, 54, 20, 34, 16, 0 },
  { 1, 0xff, 54, 20, 34, 16, 0 },
  { 0xfe, 0, 0xffff, 0xffff, 0xffff, 0xffff, 1 }, /* nothing of it is said to mean anything: cleaned */
};

static void
lay_out (uint8_t header[VMM_NET_HEADER], const uint16_t *words)
{
  memset (header, 0xff, VMM_NET_HEADER);
  header[0] = (uint8_t) words[0];
  header[1] = (uint8_t) words[1];
  for (unsigned i = 2; i < 6; i++) {
    header[2 * i - 2] = (uint8_t) (words[i] & 0xff);
    header[2 * i - 1] = (uint8_t) (words[i] >> 8);
  }
}

START_TEST (checks_headers)
{
  const uint16_t *words = headers[_i];
  uint8_t header[VMM_NET_HEADER];

  lay_out (header, words);
  card_send (&card, 0, header, 100);
  ck_assert_int_eq (card_wire (&card, 0), words[6] ? 112 : -1);
  if (words[6] && words[1] == 0)
    ck_assert_mem_eq (card.frame + 2, plain, 4);
  works_still ();
  /* The same where nothing was negotiated. */
  again (0, 16, 1536);
  card_send (&card, 0, header, 100);
  ck_assert_int_eq (card_wire (&card, 0), (words[0] & 1) == 0 && words[1] == 0 ? 112 : -1);
}
END_TEST

START_TEST (gives_small_buffers_back)
{
  again (_i == 0 ? CARD_FEATURES : CARD_FEATURES & ~VMM_NET_F_MRG_RXBUF, 1, 1);
  card_give (&card, 0, 100);
  ck_assert_int_eq (card_take (&card), 0);
  card_buffer (&card, 1536);
  driver_kick (&card.driver, 0);
  ck_assert_int_eq (card_take (&card), VMM_NET_HEADER + 100);
  works_still ();
}
END_TEST

/* More pieces than the queue has: the frame is given up, not waited for for ever. */
START_TEST (gives_up_a_frame_that_cannot_fit)
{
  int n = 0;

  again (CARD_FEATURES, 256, 12);
  card_give (&card, 0, 5000);
  while (card_take (&card) == 0)
    n++;
  ck_assert_int_eq (n, 256);
  works_still ();
}
END_TEST

static const struct {
  uint8_t words[20];
  size_t len;
  int ack;
} commands[] = {
  { { 0, 0, 1 }, 3, 0 },
  { { 0, 1, 0 }, 3, 0 },
  { { 0, 1, 2 }, 3, 1 },
  { { 0, 2, 0 }, 3, 1 },
  { { 0, 0 }, 2, 1 },
  { { 0 }, 1, 1 },
  { { 0 }, 0, 1 },
  { { 1, 0, 2, 0, 0, 0, 0, 7 }, 8, 1 },
  { { 2, 0, 1, 0 }, 4, 1 },
  { { 4, 0, 1, 0 }, 4, 1 },                       /* MQ was not negotiated */
  { { 5, 0, 0x83, 1, 0, 0, 0, 0, 0, 0 }, 10, 1 }, /* MTU among the offloads */
  { { 5, 0, 0x82, 1, 0, 0, 0, 0, 0, 0 }, 10, 0 },
  { { 5, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10, 0 },
  { { 5, 0, 0, 0, 0, 0, 0, 0, 0 }, 9, 1 },
  { { 5, 1, 0, 0, 0, 0, 0, 0, 0, 0 }, 10, 1 },
  { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8, 1 },
  { { 0, 0, 1 }, 20, 1 },
};

START_TEST (answers_junk_with_an_error)
{
  ck_assert_int_eq (card_control (&card, commands[_i].words, commands[_i].len), commands[_i].ack);
  works_still ();
}
END_TEST

START_TEST (does_not_obey_without_an_ear)
{
  static const uint8_t words[3] = { 0, 0, 1 };
  struct driver_buffer buffer = { .addr = driver_put (&card.driver, words, 3), .len = 3 };

  ck_assert_uint_eq (driver_request (&card.driver, 2, &buffer, 1), 0);
  works_still ();
}
END_TEST

START_TEST (wants_a_reset_for_a_broken_ring)
{
  card_give (&card, 0, 100);
  driver_jump (&card.driver, (unsigned) _i, 1000);
  driver_kick (&card.driver, (unsigned) _i);
  card_give (&card, 0, 100);
  card_run (&card);
  ck_assert (driver_needs_reset (&card.driver));
  ck_assert_int_eq (fake_run (card.driver.fake, 0), 0);
  driver_reset (&card.driver);
  card_begin (&card, CARD_FEATURES, 8, 1536);
  while (card_take (&card) > 0)
    ;
  works_still ();
}
END_TEST

START_TEST (checks_its_configuration)
{
  struct vmm_net_config config = { .pairs = 1, .tap_fds = { card.wires[0] }, .mtu = 1500 };
  struct driver driver;
  kata_error *error = NULL;

  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_net_ops, &config, &error), KATA_E_INVALID); /* no tap */
  kata_error_unrefp (&error);
  config.packets = true;
  config.mtu = 67;
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_net_ops, &config, &error), KATA_E_INVALID);
  kata_error_unrefp (&error);
  config.mtu = 0;
  config.mac[0] = 1;
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_net_ops, &config, &error), KATA_E_INVALID);
  kata_error_unrefp (&error);
  config.mac[0] = 2;
  config.pairs = VMM_NET_PAIRS_MAX + 1;
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_net_ops, &config, &error), KATA_E_INVALID);
  kata_error_unrefp (&error);
  config.pairs = 2;
  config.tap_fds[1] = -1;
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_net_ops, &config, &error), KATA_E_IO);
  kata_error_unrefp (&error);
  driver_close (&driver);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/net");
  TCase *c = tcase_create ("frames");

  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_set_timeout (c, 30);
  tcase_add_test (c, shows_its_configuration);
  tcase_add_test (c, carries_frames_both_ways);
  tcase_add_test (c, spreads_a_frame_over_buffers);
  tcase_add_test (c, waits_with_half_a_frame);
  tcase_add_test (c, uses_one_large_buffer);
  tcase_add_test (c, drops_what_does_not_fit);
  tcase_add_loop_test (c, goes_on_after_a_flood, 0, 2);
  tcase_add_test (c, waits_for_a_full_wire);
  tcase_add_loop_test (c, sees_the_wire_go, 0, 2);
  tcase_add_test (c, does_nothing_while_paused);
  tcase_add_test (c, begins_anew_after_a_reset);
  tcase_add_test (c, obeys_limits);
  tcase_add_test (c, spreads_over_queues);
  suite_add_tcase (s, c);

  c = tcase_create ("hostile");
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_set_timeout (c, 30);
  tcase_add_loop_test (c, drops_short_frames, 0, 5);
  tcase_add_test (c, drops_long_frames);
  tcase_add_loop_test (c, checks_headers, 0, sizeof headers / sizeof *headers);
  tcase_add_loop_test (c, gives_small_buffers_back, 0, 2);
  tcase_add_test (c, gives_up_a_frame_that_cannot_fit);
  tcase_add_loop_test (c, answers_junk_with_an_error, 0, sizeof commands / sizeof *commands);
  tcase_add_test (c, does_not_obey_without_an_ear);
  tcase_add_loop_test (c, wants_a_reset_for_a_broken_ring, 0, 3);
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
