/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balloon: pages that come back to the host, in any order and number; pages that are none; what a kick may cost. */
#include "vmm/virtio/balloon.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "driver.h"

#include "base/raise.h"

#define MIB       (UINT64_C (1) << 20)
#define RAM       (256 * MIB)
#define REPORTING (UINT64_C (1) << 5)
#define PAGE      4096u

static void
start (struct driver *driver, uint64_t pages)
{
  kata_auto_error kata_error *error = NULL;
  driver_open (driver, RAM);
  int rc = driver_device (driver, &vmm_virtio_balloon_ops, &(struct vmm_balloon_config){ .pages = pages }, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  driver_start (driver, REPORTING | (UINT64_C (1) << 2) | VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX);
}

static uint64_t
backed (const struct driver *driver)
{
  struct stat st;
  ck_assert_int_eq (fstat (driver->memory->fd, &st), 0);
  return (uint64_t) st.st_blocks * 512;
}

static bool
is_zero (const struct driver *driver, vmm_gpa page)
{
  uint8_t byte;
  driver_get (driver, page + 7, &byte, 1);
  return byte == 0;
}

/* RAM that nobody else uses: from 128 MiB on, filled. */
static void
fill (struct driver *driver, unsigned pages)
{
  ck_assert (vmm_memory__fill (driver->memory, 128 * MIB, 0xaa, (uint64_t) pages * PAGE));
}

static uint32_t
config (struct driver *driver, uint32_t offset)
{
  uint64_t value = 0;
  vmm_virtio__config (driver->device, offset, 4, &value, false);
  return (uint32_t) value;
}

START_TEST (pages_come_back)
{
  struct driver driver;
  start (&driver, 0);
  fill (&driver, 1024);
  uint64_t before = backed (&driver);
  /* Every page but each 16th, backwards and shuffled, one twice. */
  uint32_t pfns[1024];
  unsigned n = 0;
  for (unsigned i = 0; i < 1024; i++)
    if (i * 7 % 1024 % 16 != 0)
      pfns[n++] = (uint32_t) (128 * MIB / PAGE) + i * 7 % 1024;
  pfns[n++] = pfns[0];
  vmm_gpa list = driver_put (&driver, pfns, n * sizeof *pfns);
  before = backed (&driver);
  ck_assert_uint_eq (driver_request (&driver, 0, &(struct driver_buffer){ list, n * 4, false }, 1), 0);
  ck_assert_uint_eq (before - backed (&driver), 960 * PAGE);
  for (unsigned i = 0; i < 1024; i++)
    ck_assert_int_eq (is_zero (&driver, 128 * MIB + i * PAGE), i % 16 != 0);
  /* Taken again: nothing happens, they are simply there. */
  driver_request (&driver, 1, &(struct driver_buffer){ list, n * 4, false }, 1);
  fill (&driver, 1024);
  ck_assert_uint_eq (before - backed (&driver), 0);
  driver_close (&driver);
}
END_TEST

/* Case 25: outside RAM, lengths that are no multiple of 4, nothing, far too much. */
START_TEST (strange_lists)
{
  struct driver driver;
  start (&driver, 0);
  fill (&driver, 2);
  uint32_t end = (uint32_t) (RAM / PAGE), page = (uint32_t) (128 * MIB / PAGE);
  uint32_t pfns[] = { end, UINT32_MAX, 0xc0000, end + 1, page, end - 1, UINT32_MAX - 1, 0xfee00 };
  vmm_gpa list = driver_put (&driver, pfns, sizeof pfns);
  driver_request (&driver, 0, &(struct driver_buffer){ list, sizeof pfns, false }, 1);
  ck_assert (is_zero (&driver, 128 * MIB));
  ck_assert (!is_zero (&driver, 128 * MIB + PAGE));
  ck_assert_uint_eq (driver.fake->logs, 1);
  ck_assert (!driver_needs_reset (&driver));

  fill (&driver, 2);
  vmm_gpa one = list + 4 * 4; /* the page's entry */
  for (uint32_t len = 1; len <= 7; len++) {
    driver_request (&driver, 0, &(struct driver_buffer){ one, len, false }, 1);
    ck_assert_int_eq (is_zero (&driver, 128 * MIB), len >= 4);
  }
  driver_request (&driver, 0, &(struct driver_buffer){ list, 64, true }, 1);
  driver_request (&driver, 3, &(struct driver_buffer){ list, 64, true }, 1);
  ck_assert (!driver_needs_reset (&driver));
  driver_close (&driver);
}
END_TEST

/* 256 Ki entries in one chain, none beside another: each kick does a bounded part; all of it is done in the end. */
START_TEST (a_kick_has_its_budget)
{
  struct driver driver;
  start (&driver, 0);
  static uint32_t pfns[1 << 18];
  for (uint32_t i = 0; i < 1 << 18; i++)
    pfns[i] = (uint32_t) (128 * MIB / PAGE) + i * 2 % 8192;
  vmm_gpa list = driver_put (&driver, pfns, sizeof pfns);
  driver_add (&driver, 0, &(struct driver_buffer){ list, sizeof pfns, false }, 1);
  driver_kick (&driver, 0);
  uint16_t head;
  uint32_t len;
  int64_t longest = 0;
  unsigned steps = 0;
  while (!driver_used (&driver, 0, &head, &len)) {
    int64_t begin = vmm_loop__now ();
    ck_assert_int_gt (vmm_loop__step (driver.env->loop, 0), 0);
    int64_t took = vmm_loop__now () - begin;
    longest = took > longest ? took : longest;
    steps++;
  }
  ck_assert_uint_ge (steps, (1 << 18) / 512);
  ck_assert_int_lt (longest, 500000000);
  driver_close (&driver);
}
END_TEST

START_TEST (a_flood_of_chains)
{
  struct driver driver;
  start (&driver, 0);
  uint32_t pfn = (uint32_t) (128 * MIB / PAGE);
  vmm_gpa list = driver_put (&driver, &pfn, sizeof pfn);
  unsigned answered = 0;
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < 128; i++)
      driver_add (&driver, 0, &(struct driver_buffer){ list, 4, false }, 1);
    driver_kick (&driver, 0);
    driver_run (&driver);
    uint16_t head;
    uint32_t len;
    while (driver_used (&driver, 0, &head, &len))
      answered++;
  }
  ck_assert_uint_eq (answered, 5 * 128);
  driver_close (&driver);
}
END_TEST

/* _i: the queue; 2 for drivers that count the queues they use, 4 for those that read the specification. */
START_TEST (reported_pages)
{
  struct driver driver;
  start (&driver, 0);
  fill (&driver, 8192);
  vmm_gpa at = 128 * MIB;
  struct driver_buffer buffers[] = { { at, 8 * MIB, true },
                                     { at + 9 * MIB, MIB, true },
                                     { at + 20 * MIB + 100, 2 * PAGE, true } };
  uint64_t before = backed (&driver);
  driver_request (&driver, (unsigned) _i, buffers, 3);
  ck_assert_uint_eq (before - backed (&driver), 9 * MIB + PAGE); /* edges that are no whole pages stay */
  ck_assert (is_zero (&driver, at) && is_zero (&driver, at + 10 * MIB - PAGE));
  ck_assert (!is_zero (&driver, at + 8 * MIB) && !is_zero (&driver, at + 10 * MIB));
  /* All RAM at once, again and again in one chain: in parts. */
  for (unsigned i = 0; i < 10; i++)
    driver_add (&driver, (unsigned) _i, &(struct driver_buffer){ at, 128 * MIB, true }, 1);
  driver_kick (&driver, (unsigned) _i);
  unsigned steps = 0, answered = 0;
  uint16_t head;
  uint32_t len;
  for (; answered < 10; steps++) {
    vmm_loop__step (driver.env->loop, 0);
    while (driver_used (&driver, (unsigned) _i, &head, &len))
      answered++;
  }
  ck_assert_uint_ge (steps, 10);
  driver_close (&driver);
}
END_TEST

START_TEST (broken_rings)
{
  struct driver driver;
  start (&driver, 0);
  driver_jump (&driver, 0, 200);
  driver_kick (&driver, 0);
  driver_run (&driver);
  ck_assert (driver_needs_reset (&driver));
  driver_reset (&driver);
  driver_start (&driver, REPORTING);
  ck_assert (!driver_needs_reset (&driver));
  driver_close (&driver);
}
END_TEST

START_TEST (its_size)
{
  struct driver driver;
  start (&driver, 100);
  ck_assert_uint_eq (config (&driver, 0), 100);
  unsigned told = driver.config_interrupts;
  vmm_balloon__set (driver.device->self, 5000);
  ck_assert_uint_eq (config (&driver, 0), 5000);
  ck_assert_uint_eq (driver.config_interrupts, told + 1);
  /* No more than there is. */
  vmm_balloon__set (driver.device->self, UINT64_MAX);
  ck_assert_uint_eq (config (&driver, 0), RAM / PAGE);

  uint64_t actual = 4321;
  vmm_virtio__config (driver.device, 4, 4, &actual, true);
  ck_assert_uint_eq (vmm_balloon__actual (driver.device->self), 4321);
  actual = UINT32_MAX;
  vmm_virtio__config (driver.device, 4, 4, &actual, true);
  ck_assert_uint_eq (vmm_balloon__actual (driver.device->self), RAM / PAGE);
  /* Only that field, only whole. */
  vmm_virtio__config (driver.device, 0, 4, &actual, true);
  vmm_virtio__config (driver.device, 5, 1, &actual, true);
  vmm_virtio__config (driver.device, 0, 8, &actual, true);
  ck_assert_uint_eq (config (&driver, 0), RAM / PAGE);
  driver_reset (&driver);
  ck_assert_uint_eq (vmm_balloon__actual (driver.device->self), 0);
  driver_close (&driver);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/balloon");
  TCase *tcase = tcase_create ("balloon");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, pages_come_back);
  tcase_add_test (tcase, strange_lists);
  tcase_add_test (tcase, a_kick_has_its_budget);
  tcase_add_test (tcase, a_flood_of_chains);
  tcase_add_loop_test (tcase, reported_pages, 2, 3);
  tcase_add_loop_test (tcase, reported_pages, 4, 5);
  tcase_add_test (tcase, broken_rings);
  tcase_add_test (tcase, its_size);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
