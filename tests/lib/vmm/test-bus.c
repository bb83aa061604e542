/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus: who answers where, overlaps, borders, ranges that move while they answer, doorbells. */
#include "vmm/bus.h"

#include <check.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/raise.h"

struct device {
  struct vmm_bus *bus;
  uint64_t base, move_to; /* 0 = stay */
  unsigned calls, len;
  uint64_t offset, value, answer;
  bool write;
};

static void
answer (void *ctx, uint64_t offset, unsigned len, uint64_t *value, bool write)
{
  struct device *device = ctx;
  device->calls++;
  device->offset = offset;
  device->len = len;
  device->write = write;
  if (write)
    device->value = *value;
  else {
    ck_assert_uint_eq (*value, UINT64_MAX);
    *value = device->answer;
  }
  if (device->move_to != 0) {
    vmm_bus__unmap (device->bus, device->base);
    ck_assert_int_eq (vmm_bus__map (device->bus, device->move_to, 16, answer, device, NULL), 0);
  }
}

static uint64_t
get (struct vmm_bus *bus, uint64_t address, unsigned len)
{
  uint64_t value = 0x1234;
  vmm_bus__access (bus, address, len, &value, false);
  return value;
}

static void
put (struct vmm_bus *bus, uint64_t address, unsigned len, uint64_t value)
{
  vmm_bus__access (bus, address, len, &value, true);
}

START_TEST (finds_the_device)
{
  struct vmm_bus *bus = vmm_bus__new (65536, NULL, NULL);
  struct device a = { .answer = 0x1122334455667788 }, b = { .answer = 0xbb };
  ck_assert_int_eq (vmm_bus__map (bus, 0x3f8, 8, answer, &a, NULL), 0);
  ck_assert_int_eq (vmm_bus__map (bus, 0x70, 2, answer, &b, NULL), 0);
  ck_assert_uint_eq (get (bus, 0x3f8, 1), 0x88);
  ck_assert_uint_eq (get (bus, 0x3f8, 2), 0x7788);
  ck_assert_uint_eq (get (bus, 0x3f8, 4), 0x55667788);
  ck_assert_uint_eq (get (bus, 0x3f8, 8), 0x1122334455667788);
  ck_assert_uint_eq (get (bus, 0x71, 1), 0xbb);
  ck_assert_uint_eq (b.offset, 1);
  put (bus, 0x3ff, 1, 0xffee);
  ck_assert_uint_eq (a.value, 0xee);
  ck_assert_uint_eq (a.offset, 7);
  ck_assert (a.write);
  vmm_bus__free (bus);
}
END_TEST

START_TEST (nobody_is_all_ones)
{
  struct vmm_bus *bus = vmm_bus__new (65536, NULL, NULL);
  struct device a = { 0 };
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 4, answer, &a, NULL), 0);
  ck_assert_uint_eq (get (bus, 0xff, 1), 0xff);
  ck_assert_uint_eq (get (bus, 0x104, 2), 0xffff);
  ck_assert_uint_eq (get (bus, 0xff, 4), 0xffffffff);  /* begins before */
  ck_assert_uint_eq (get (bus, 0x102, 4), 0xffffffff); /* ends behind */
  ck_assert_uint_eq (get (bus, UINT64_MAX, 8), UINT64_MAX);
  put (bus, 0x102, 4, 1);
  put (bus, UINT64_MAX - 3, 8, 1);
  ck_assert_uint_eq (a.calls, 0);
  vmm_bus__free (bus);
}
END_TEST

START_TEST (overlaps_are_refused)
{
  struct vmm_bus *bus = vmm_bus__new (0x1000, NULL, NULL);
  struct device a = { 0 };
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 0x10, answer, &a, NULL), 0);
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 1, answer, &a, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (vmm_bus__map (bus, 0x10f, 4, answer, &a, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (vmm_bus__map (bus, 0xf0, 0x11, answer, &a, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (vmm_bus__map (bus, 0x0, 0x1000, answer, &a, NULL), KATA_E_EXISTS);
  ck_assert_int_eq (vmm_bus__map (bus, 0xf0, 0x10, answer, &a, NULL), 0);
  ck_assert_int_eq (vmm_bus__map (bus, 0x110, 0xef0, answer, &a, NULL), 0);
  ck_assert_int_eq (vmm_bus__map (bus, 0xfff, 2, answer, &a, NULL), KATA_E_INVALID);
  ck_assert_int_eq (vmm_bus__map (bus, UINT64_MAX, 2, answer, &a, NULL), KATA_E_INVALID);
  ck_assert_int_eq (vmm_bus__map (bus, 0, 0, answer, &a, NULL), KATA_E_INVALID);
  vmm_bus__unmap (bus, 0x101); /* not a base: nothing */
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 1, answer, &a, NULL), KATA_E_EXISTS);
  vmm_bus__unmap (bus, 0x100);
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 1, answer, &a, NULL), 0);
  vmm_bus__free (bus);
}
END_TEST

START_TEST (a_range_may_move_while_it_answers)
{
  struct vmm_bus *bus = vmm_bus__new (65536, NULL, NULL);
  struct device a = { .bus = bus, .base = 0x100, .move_to = 0x200, .answer = 7 };
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 16, answer, &a, NULL), 0);
  ck_assert_uint_eq (get (bus, 0x100, 1), 7);
  a.move_to = 0;
  ck_assert_uint_eq (get (bus, 0x100, 1), 0xff);
  ck_assert_uint_eq (get (bus, 0x20f, 1), 7);
  vmm_bus__free (bus);
}
END_TEST

START_TEST (doorbells_without_a_kernel)
{
  struct vmm_bus *bus = vmm_bus__new (65536, NULL, NULL);
  struct device a = { 0 };
  int any = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC), three = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  uint64_t count;
  ck_assert_int_eq (vmm_bus__map (bus, 0x100, 16, answer, &a, NULL), 0);
  ck_assert_int_eq (vmm_bus__doorbell (bus, 0x104, 4, 3, three, NULL), 0);
  ck_assert_int_eq (vmm_bus__doorbell (bus, 0x108, 2, -1, any, NULL), 0);
  put (bus, 0x104, 4, 3);
  put (bus, 0x104, 4, 4); /* another value: to the device */
  put (bus, 0x104, 2, 3); /* another width */
  put (bus, 0x108, 2, 0xabcd);
  get (bus, 0x108, 2);
  ck_assert_uint_eq (a.calls, 3);
  ck_assert_int_eq (read (three, &count, 8), 8);
  ck_assert_uint_eq (count, 1);
  ck_assert_int_eq (read (any, &count, 8), 8);
  vmm_bus__doorbell_remove (bus, 0x108, 2, -1, any);
  ck_assert_int_eq (vmm_bus__doorbell (bus, 0x108, 0, -1, any, NULL), 0);
  put (bus, 0x108, 1, 1);
  put (bus, 0x108, 8, 2);
  ck_assert_int_eq (read (any, &count, 8), 8);
  ck_assert_uint_eq (count, 2);
  vmm_bus__doorbell_remove (bus, 0x104, 4, 3, three);
  put (bus, 0x104, 4, 3);
  ck_assert_int_lt (read (three, &count, 8), 0);
  ck_assert_uint_eq (a.calls, 4);
  close (any);
  close (three);
  vmm_bus__free (bus);
}
END_TEST

static int
count_attach (void *ctx, uint64_t address, unsigned len, int64_t match, int fd, kata_error **err)
{
  ++*(int *) ctx;
  return 0;
}

static void
count_detach (void *ctx, uint64_t address, unsigned len, int64_t match, int fd)
{
  --*(int *) ctx;
}

START_TEST (doorbells_of_the_kernel)
{
  static const struct vmm_doorbell_ops ops = { .attach = count_attach, .detach = count_detach };
  int attached = 0;
  struct vmm_bus *bus = vmm_bus__new (65536, &ops, &attached);
  ck_assert_int_eq (vmm_bus__doorbell (bus, 0x104, 4, 3, 0, NULL), 0);
  ck_assert_int_eq (attached, 1);
  vmm_bus__doorbell_remove (bus, 0x104, 4, 3, 0);
  ck_assert_int_eq (attached, 0);
  vmm_bus__free (bus);
}
END_TEST

START_TEST (ranges_have_a_limit)
{
  struct vmm_bus *bus = vmm_bus__new (65536, NULL, NULL);
  struct device a = { .answer = 1 };
  int result = 0;
  uint64_t n = 0;
  for (; n < 2000 && result == 0; n++)
    result = vmm_bus__map (bus, (n * 7919) % 65536 / 8 * 8, 8, answer, &a, NULL);
  ck_assert_int_eq (result, KATA_E_LIMIT);
  ck_assert_uint_eq (n, 513);
  for (n = 0; n < 512; n++)
    ck_assert_uint_eq (get (bus, (n * 7919) % 65536 / 8 * 8 + 7, 1), 1);
  vmm_bus__free (bus);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/bus");
  TCase *tcase = tcase_create ("bus");
  tcase_add_test (tcase, finds_the_device);
  tcase_add_test (tcase, nobody_is_all_ones);
  tcase_add_test (tcase, overlaps_are_refused);
  tcase_add_test (tcase, a_range_may_move_while_it_answers);
  tcase_add_test (tcase, doorbells_without_a_kernel);
  tcase_add_test (tcase, doorbells_of_the_kernel);
  tcase_add_test (tcase, ranges_have_a_limit);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
