/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pmem: flushes and what is no flush; where the image lies. */
#include "vmm/virtio/pmem.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver.h"

#include "base/raise.h"

#define MIB (UINT64_C (1) << 20)

static void
start (struct driver *driver, int fd, bool readonly)
{
  kata_auto_error kata_error *error = NULL;
  struct vmm_pmem_config config = { .fd = fd, .readonly = readonly, .base = UINT64_C (0x4000000000), .size = 6 * MIB };
  driver_open (driver, 16 * MIB);
  int rc = driver_device (driver, &vmm_virtio_pmem_ops, &config, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  driver_start (driver, VMM_VIRTIO_F_EVENT_IDX);
}

static uint32_t
ask (struct driver *driver, uint32_t type)
{
  uint32_t words[2] = { type, 0xdeadbeef };
  vmm_gpa at = driver_put (driver, words, sizeof words);
  struct driver_buffer buffers[] = { { at, 4, false }, { at + 4, 4, true } };
  ck_assert_uint_eq (driver_request (driver, 0, buffers, 2), 4);
  driver_get (driver, at + 4, &words[1], 4);
  return words[1];
}

START_TEST (flushes)
{
  int fd = memfd_create ("pmem", MFD_CLOEXEC);
  for (int readonly = 0; readonly < 2; readonly++) {
    struct driver driver;
    start (&driver, fd, readonly);
    for (int i = 0; i < 100; i++)
      ck_assert_uint_eq (ask (&driver, 0), readonly);
    ck_assert_uint_eq (ask (&driver, 1), 1);
    ck_assert_uint_eq (ask (&driver, UINT32_MAX), 1);
    driver_close (&driver);
  }
  close (fd);
}
END_TEST

START_TEST (a_flush_that_fails)
{
  int pipes[2];
  struct driver driver;
  ck_assert_int_eq (pipe2 (pipes, O_CLOEXEC), 0);
  start (&driver, pipes[1], false); /* fsync of a pipe: EINVAL */
  ck_assert_uint_eq (ask (&driver, 0), 1);
  driver_close (&driver);
  close (pipes[0]);
  close (pipes[1]);
}
END_TEST

START_TEST (many_at_once_and_a_reset)
{
  int fd = open ("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    fd = memfd_create ("pmem", MFD_CLOEXEC);
  struct driver driver;
  start (&driver, fd, false);
  uint32_t words[2] = { 0, 9 };
  vmm_gpa at = driver_put (&driver, words, sizeof words);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 32; i++) {
      struct driver_buffer buffers[] = { { at, 4, false }, { at + 4, 4, true } };
      driver_add (&driver, 0, buffers, 2);
    }
    driver_kick (&driver, 0);
    vmm_loop__step (driver.env->loop, 0);
    driver_reset (&driver);
    uint16_t head;
    uint32_t len;
    driver_start (&driver, 0);
    ck_assert (!driver_used (&driver, 0, &head, &len));
    ck_assert_uint_eq (ask (&driver, 0), 0);
  }
  driver_close (&driver);
  close (fd);
}
END_TEST

START_TEST (malformed)
{
  static const struct driver_buffer shapes[][2] = { { { 0, 3, false }, { 0, 4, true } },
                                                    { { 0, 4, false }, { 0, 3, true } },
                                                    { { 0, 4, false }, { 0, 4, false } } };
  for (size_t i = 0; i < 3; i++) {
    int fd = memfd_create ("pmem", MFD_CLOEXEC);
    struct driver driver;
    start (&driver, fd, false);
    struct driver_buffer buffers[2] = { shapes[i][0], shapes[i][1] };
    buffers[0].addr = buffers[1].addr = driver_alloc (&driver, 8, 8);
    driver_add (&driver, 0, buffers, 2);
    driver_kick (&driver, 0);
    driver_run (&driver);
    ck_assert (driver_needs_reset (&driver));
    driver_close (&driver);
    close (fd);
  }
}
END_TEST

START_TEST (where_it_lies)
{
  int fd = memfd_create ("pmem", MFD_CLOEXEC);
  struct driver driver;
  start (&driver, fd, false);
  uint64_t value = 0;
  vmm_virtio__config (driver.device, 0, 8, &value, false);
  ck_assert_uint_eq (value, UINT64_C (0x4000000000));
  vmm_virtio__config (driver.device, 8, 8, &value, false);
  ck_assert_uint_eq (value, 6 * MIB);
  driver_close (&driver);
  close (fd);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/pmem");
  TCase *tcase = tcase_create ("pmem");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, flushes);
  tcase_add_test (tcase, a_flush_that_fails);
  tcase_add_test (tcase, many_at_once_and_a_reset);
  tcase_add_test (tcase, malformed);
  tcase_add_test (tcase, where_it_lies);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
