/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The entropy device: it fills what it is given, never more than its bound, and survives what no honest driver does. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#include "vmm/virtio/rng.h"

static struct driver driver;

static void
set_up (void)
{
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &vmm_virtio_rng_ops, NULL, NULL), 0);
  driver_start (&driver, VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX);
}

static void
tear_down (void)
{
  driver_close (&driver);
}

START_TEST (fills_buffers)
{
  uint8_t a[64], b[64], zero[64] = { 0 };
  vmm_gpa at = driver_alloc (&driver, 256, 16);
  struct driver_buffer buffers[] = { { at, 60, true }, { at + 60, 4, true } };
  ck_assert_uint_eq (driver_request (&driver, 0, buffers, 2), 64);
  driver_get (&driver, at, a, sizeof a);
  ck_assert_uint_eq (driver_request (&driver, 0, buffers, 2), 64);
  driver_get (&driver, at, b, sizeof b);
  ck_assert_mem_ne (a, zero, sizeof a);
  ck_assert_mem_ne (a, b, sizeof a);
  ck_assert_mem_ne (a + 60, zero, 4);
  driver_get (&driver, at + 64, b, sizeof b);
  ck_assert_mem_eq (b, zero, sizeof b);
  ck_assert_uint_ge (driver.interrupts[0], 1);
}
END_TEST

/* A chain of gigabytes costs the host 64 KiB (case 25); one turn of the loop does not cost much more. */
START_TEST (bounds_a_request)
{
  struct driver_buffer buffers[8];
  for (unsigned i = 0; i < 8; i++)
    buffers[i] = (struct driver_buffer){ 0x100000, 8 << 20, true };
  for (unsigned i = 0; i < 4; i++)
    driver_add (&driver, 0, buffers, 8);
  driver_kick (&driver, 0);
  for (unsigned i = 0; i < 4; i++) {
    uint32_t len = 0;
    ck_assert_int_eq (vmm_loop__step (driver.env->loop, 0), 1);
    ck_assert (driver_used (&driver, 0, NULL, &len));
    ck_assert_uint_eq (len, 65536);
    ck_assert (!driver_used (&driver, 0, NULL, NULL));
  }
  driver_run (&driver);
}
END_TEST

/* 5.4.6: a driver must not offer readable buffers; they are left alone. */
START_TEST (leaves_readable_buffers)
{
  vmm_gpa at = driver_put (&driver, "unchanged", 9);
  struct driver_buffer only[] = { { at, 9, false } };
  ck_assert_uint_eq (driver_request (&driver, 0, only, 1), 0);
  struct driver_buffer both[] = { { at, 9, false }, { driver_alloc (&driver, 16, 16), 16, true } };
  ck_assert_uint_eq (driver_request (&driver, 0, both, 2), 16);
  char bytes[9];
  driver_get (&driver, at, bytes, 9);
  ck_assert_mem_eq (bytes, "unchanged", 9);
  ck_assert (!driver_needs_reset (&driver));
}
END_TEST

START_TEST (asks_for_a_reset)
{
  struct driver_buffer buffer = { driver_alloc (&driver, 16, 16), 16, true };
  driver_add (&driver, 0, &buffer, 1);
  driver_offer (&driver, 0, 0); /* the same once more: the first is still answered */
  driver_kick (&driver, 0);
  driver_run (&driver);
  driver_offer (&driver, 0, 999);
  driver_kick (&driver, 0);
  driver_run (&driver);
  ck_assert (driver_needs_reset (&driver));
  ck_assert_uint_eq (driver.config_interrupts, 1);
  driver_reset (&driver);
  driver_start (&driver, 0);
  ck_assert_uint_eq (driver_request (&driver, 0, &buffer, 1), 16);
}
END_TEST

START_TEST (serves_a_full_ring)
{
  struct driver_buffer buffer = { driver_alloc (&driver, 64, 16), 64, true };
  unsigned n = 0;
  for (unsigned round = 0; round < 100; round++) {
    for (unsigned i = 0; i < 64; i++)
      driver_add_indirect (&driver, 0, &buffer, 1);
    driver_kick (&driver, 0);
    driver_run (&driver);
    for (uint32_t len = 0; driver_used (&driver, 0, NULL, &len); n++)
      ck_assert_uint_eq (len, 64);
  }
  ck_assert_uint_eq (n, 6400);
}
END_TEST

int
main (void)
{
  Suite *s = suite_create ("vmm/virtio/rng");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_test (c, fills_buffers);
  tcase_add_test (c, bounds_a_request);
  tcase_add_test (c, leaves_readable_buffers);
  tcase_add_test (c, asks_for_a_reset);
  tcase_add_test (c, serves_a_full_ring);
  suite_add_tcase (s, c);
  SRunner *runner = srunner_create (s);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
