/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtio-mmio alone: its fixed registers, widths, the interrupt line. */
#include <check.h>
#include <stdlib.h>

#include "registers.h"
#include "toy.h"

#include "vmm/virtio/mmio-regs.h"

static struct driver driver;
static struct registers guest;

static void
set_up (void)
{
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &toy_ops, NULL, NULL), 0);
  registers_open (&guest, &driver, false);
}

/* As the device does when the driver wants to know. */
static void
interrupt (int queue)
{
  driver.device->transport_ops->interrupt (driver.device->transport, queue);
}

static void
tear_down (void)
{
  registers_close (&guest);
  driver_close (&driver);
}

START_TEST (shows_what_it_is)
{
  ck_assert_uint_eq (registers_read (&guest, 0x000, 4), 0x74726976);
  ck_assert_uint_eq (registers_read (&guest, 0x004, 4), 2);
  ck_assert_uint_eq (registers_read (&guest, 0x008, 4), 42);
  ck_assert_uint_eq (registers_read (&guest, 0x034, 4), TOY_QUEUE_SIZE);
  /* 4.2.2: a shared memory region that is not there is of length -1. */
  for (uint64_t offset = 0x0b0; offset <= 0x0bc; offset += 4)
    ck_assert_uint_eq (registers_read (&guest, offset, 4), UINT32_MAX);
}
END_TEST

/* Only 32 bits, aligned, are an access; write-only registers read zero, read-only ones do not change. */
START_TEST (has_one_width)
{
  registers_start (&guest, 0);
  for (unsigned len = 1; len <= 8; len *= 2)
    for (uint64_t offset = 0; offset + len <= 0x100; offset++) {
      if (len == 4 && offset % 4 == 0)
        continue;
      ck_assert_uint_eq (registers_read (&guest, offset, len), 0);
      registers_write (&guest, offset, len, 0);
    }
  ck_assert_uint_eq (registers_status (&guest), 15);
  static const uint64_t write_only[] = { 0x014, 0x020, 0x024, 0x030, 0x038, 0x050, 0x064,
                                         0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4, 0x0ac };
  for (unsigned i = 0; i < sizeof write_only / sizeof *write_only; i++)
    ck_assert_uint_eq (registers_read (&guest, write_only[i], 4), 0);
  static const uint64_t read_only[] = { 0x000, 0x004, 0x008, 0x00c, 0x010, 0x034, 0x060, 0x0b0, 0x0fc };
  for (unsigned i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    uint64_t before = registers_read (&guest, read_only[i], 4);
    registers_write (&guest, read_only[i], 4, ~before);
    ck_assert_uint_eq (registers_read (&guest, read_only[i], 4), before);
  }
}
END_TEST

/* One edge for each interrupt, also while the bit of one before is not acknowledged. */
START_TEST (raises_an_edge_each_time)
{
  uint32_t gsi = vmm_virtio_mmio__gsi (guest.mmio);
  registers_start (&guest, 0);
  fake_raised (driver.fake, gsi);
  vmm_virtio__config_changed (driver.device);
  vmm_virtio__config_changed (driver.device);
  ck_assert_uint_eq (fake_raised (driver.fake, gsi), 2);
  interrupt (0);
  ck_assert_uint_eq (fake_raised (driver.fake, gsi), 1);
  ck_assert_uint_eq (registers_read (&guest, VMM_MMIO_INTERRUPT_STATUS, 4), 3);
  registers_write (&guest, VMM_MMIO_INTERRUPT_ACK, 4, 0xfffffffe);
  ck_assert_uint_eq (registers_read (&guest, VMM_MMIO_INTERRUPT_STATUS, 4), 1);
  registers_write (&guest, VMM_MMIO_INTERRUPT_ACK, 4, 1);
  ck_assert_uint_eq (registers_read (&guest, VMM_MMIO_INTERRUPT_STATUS, 4), 0);
  vmm_virtio__config_changed (driver.device);
  registers_set_status (&guest, 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_MMIO_INTERRUPT_STATUS, 4), 0);
}
END_TEST

/* 4.2.2: before DRIVER_OK a driver may take a queue back, and reads zero then. */
START_TEST (takes_queues_back)
{
  registers_negotiate (&guest, 0);
  registers_queue (&guest, 1, 16);
  registers_set_ready (&guest, 0);
  ck_assert_uint_eq (registers_ready (&guest), 0);
  registers_queue (&guest, 1, 32);
  ck_assert_uint_eq (driver.device->queues[1].size, 32);
}
END_TEST

START_TEST (refuses_a_place_that_is_taken)
{
  struct vmm_virtio_mmio *second = NULL;
  kata_error *error = NULL;
  ck_assert_int_eq (vmm_virtio_mmio__new (&second, driver.device, REGISTERS_MMIO + 0x100, &error), KATA_E_EXISTS);
  ck_assert_ptr_null (second);
  kata_error_unref (error);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/mmio");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_test (c, shows_what_it_is);
  tcase_add_test (c, has_one_width);
  tcase_add_test (c, raises_an_edge_each_time);
  tcase_add_test (c, takes_queues_back);
  tcase_add_test (c, refuses_a_place_that_is_taken);
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
