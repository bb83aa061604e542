/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-board: the clock tells the host's time, the power registers end the machine, the button reaches the guest. */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "fake.h"
#include "vmm/dev/platform.h"
#include "vmm/dev/power.h"
#include "vmm/layout.h"

#define MIB (UINT64_C (1) << 20)

static struct fake *fake;
static void *device;
static const struct vmm_device_ops *device_ops;

static void
start (const struct vmm_device_ops *ops)
{
  fake = fake_new (16 * MIB);
  device_ops = ops;
  device = calloc (1, ops->instance_size);
  ck_assert_ptr_nonnull (device);
  ck_assert_int_eq (ops->realize (device, &fake->env, NULL, NULL), 0);
}

static void
stop (void)
{
  device_ops->unrealize (device);
  free (device);
  fake_free (fake);
}

static unsigned
clock_read (unsigned reg)
{
  fake_write (fake->env.pio, VMM_PORT_RTC, 1, reg);
  return (unsigned) fake_read (fake->env.pio, VMM_PORT_RTC + 1, 1);
}

static int
from_bcd (unsigned value)
{
  ck_assert_uint_le (value & 15, 9);
  ck_assert_uint_le (value >> 4, 9);
  return (int) (value >> 4) * 10 + (int) (value & 15);
}

START_TEST (rtc_time)
{
  start (&vmm_rtc_ops);
  time_t before = time (NULL);
  struct tm tm = { .tm_sec = from_bcd (clock_read (0)) };
  tm.tm_min = from_bcd (clock_read (2));
  tm.tm_hour = from_bcd (clock_read (4));
  tm.tm_mday = from_bcd (clock_read (7));
  tm.tm_mon = from_bcd (clock_read (8)) - 1;
  tm.tm_year = from_bcd (clock_read (9)) + from_bcd (clock_read (0x32)) * 100 - 1900;
  int weekday = from_bcd (clock_read (6)) - 1;
  time_t told = timegm (&tm);
  ck_assert_int_ge (told, before);
  ck_assert_int_le (told, time (NULL));
  ck_assert_int_eq (tm.tm_wday, weekday);
  stop ();
}
END_TEST

START_TEST (rtc_registers)
{
  start (&vmm_rtc_ops);
  ck_assert_uint_eq (clock_read (0x0a) & 0x80, 0); /* no update in progress */
  ck_assert_uint_eq (clock_read (0x0b), 0x02);     /* 24 hours, BCD */
  ck_assert_uint_eq (clock_read (0x0c), 0);
  ck_assert_uint_eq (clock_read (0x0d), 0x80);
  unsigned year = clock_read (9);
  fake_write (fake->env.pio, VMM_PORT_RTC + 1, 1, 0x70);
  ck_assert_uint_eq (clock_read (9), year);
  fake_write (fake->env.pio, VMM_PORT_RTC, 1, 0x80 | 9); /* NMI masked */
  ck_assert_uint_eq (fake_read (fake->env.pio, VMM_PORT_RTC + 1, 1), year);
  fake_write (fake->env.pio, VMM_PORT_RTC, 2, 0xff09);
  ck_assert_uint_eq (fake_read (fake->env.pio, VMM_PORT_RTC, 2), year << 8 | 0xff);
  for (unsigned reg = 0; reg < 256; reg++)
    clock_read (reg);
  stop ();
}
END_TEST

START_TEST (poweroff)
{
  start (&vmm_power_ops);
  for (unsigned value = 0; value < 256; value++) {
    fake->wish = 0;
    fake_write (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_SLEEP_CONTROL, 1, value);
    bool s5 = (value & 0x20) != 0 && (value >> 2 & 7) == VMM_POWER_S5_TYPE;
    ck_assert_int_eq (fake->wish, s5 ? VMM_WISH_POWEROFF : 0);
  }
  fake->wish = 0;
  fake_write (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_SLEEP_STATUS, 1, 0x80);
  ck_assert_uint_eq (fake_read (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_SLEEP_STATUS, 1), 0);
  ck_assert_int_eq (fake->wish, 0);
  stop ();
}
END_TEST

START_TEST (reset)
{
  start (&vmm_power_ops);
  fake_write (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_RESET, 1, VMM_POWER_RESET_VALUE ^ 1);
  ck_assert_int_eq (fake->wish, 0);
  fake_write (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_RESET, 1, VMM_POWER_RESET_VALUE);
  ck_assert_int_eq (fake->wish, VMM_WISH_RESET);
  fake->wish = 0;
  fake_write (fake->env.pio, 0x64, 1, 0xd1);
  ck_assert_int_eq (fake->wish, 0);
  ck_assert_uint_eq (fake_read (fake->env.pio, 0x64, 1) & 2, 0); /* it takes commands */
  fake_write (fake->env.pio, 0x64, 1, 0xfe);
  ck_assert_int_eq (fake->wish, VMM_WISH_RESET);
  stop ();
}
END_TEST

START_TEST (button)
{
  start (&vmm_power_ops);
  ck_assert_uint_eq (fake_read (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_EVENTS, 1), 0);
  vmm_power__press (device);
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_ACPI), 1);
  ck_assert_uint_eq (fake_read (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_EVENTS, 1), VMM_POWER_EVENT_BUTTON);
  ck_assert_uint_eq (fake_read (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_EVENTS, 1), 0);
  vmm_power__press (device);
  fake_write (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_EVENTS, 1, 0); /* only a read takes it */
  ck_assert_uint_eq (fake_read (fake->env.mmio, VMM_LAYOUT_POWER, 4), (uint64_t) VMM_POWER_EVENT_BUTTON << 24);
  for (unsigned at = 0; at < VMM_LAYOUT_POWER_SIZE; at++)
    ck_assert_uint_eq (fake_read (fake->env.mmio, VMM_LAYOUT_POWER + at, 1), 0);
  stop ();
}
END_TEST

/* The guest had the line masked: the edge is repeated until it reads, not while the machine rests, and not after. */
START_TEST (button_repeats)
{
  start (&vmm_power_ops);
  vmm_power__press (device);
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_ACPI), 1);
  device_ops->quiesce (device);
  ck_assert_int_eq (fake_run (fake, 1200), 0);
  device_ops->resume (device);
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_ACPI), 1);
  ck_assert_int_ge (vmm_loop__step (fake->env.loop, 2000), 0);
  ck_assert_uint_ge (fake_raised (fake, VMM_IRQ_ACPI), 1);
  fake_read (fake->env.mmio, VMM_LAYOUT_POWER + VMM_POWER_EVENTS, 1);
  fake_run (fake, 1200);
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_ACPI), 0);
  device_ops->resume (device);
  ck_assert_uint_eq (fake_raised (fake, VMM_IRQ_ACPI), 0);
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/dev/board");
  TCase *all = tcase_create ("all");

  tcase_set_timeout (all, 30);
  tcase_add_test (all, rtc_time);
  tcase_add_test (all, rtc_registers);
  tcase_add_test (all, poweroff);
  tcase_add_test (all, reset);
  tcase_add_test (all, button);
  tcase_add_test (all, button_repeats);
  suite_add_tcase (suite, all);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
