/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all virtio devices share: the states of 3.1.1, features, kicks, pause; without a transport. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "toy.h"

#define ACK      VMM_VIRTIO_S_ACKNOWLEDGE
#define DRIVER   VMM_VIRTIO_S_DRIVER
#define FEATURES VMM_VIRTIO_S_FEATURES_OK
#define OK       VMM_VIRTIO_S_DRIVER_OK
#define NEEDS    VMM_VIRTIO_S_NEEDS_RESET
#define FAILED   VMM_VIRTIO_S_FAILED

static struct driver driver;
static struct vmm_virtio *device;
static struct toy *toy;

static void
set_up (void)
{
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &toy_ops, NULL, NULL), 0);
  device = driver.device;
  toy = toy_of (device);
}

static void
tear_down (void)
{
  driver_close (&driver);
}

/* Brings the device into @state, which is one that it can be in. */
static void
reach (uint32_t state)
{
  vmm_virtio__set_status (device, 0);
  vmm_virtio__set_features (device, 1, 1);
  static const uint32_t steps[] = { ACK, ACK | DRIVER, ACK | DRIVER | FEATURES, ACK | DRIVER | FEATURES | OK };
  for (unsigned i = 0; i < 4; i++)
    if ((steps[i] & state) == steps[i])
      vmm_virtio__set_status (device, steps[i]);
  if (state & NEEDS)
    vmm_virtio__needs_reset (device, "test");
  if (state & FAILED)
    vmm_virtio__set_status (device, state);
  ck_assert_uint_eq (device->status, state);
}

static const uint32_t bases[] = { 0, ACK, ACK | DRIVER, ACK | DRIVER | FEATURES, ACK | DRIVER | FEATURES | OK };

/* What 3.1.1 lets become of @state when @value is written; in other words than the code's. */
static uint32_t
expected (uint32_t state, uint32_t value)
{
  if (value == 0)
    return 0;
  uint32_t ours = state & NEEDS, base = state & ~NEEDS, want = value & ~NEEDS;
  if ((base & FAILED) || (want & 0x30) || (base & ~want))
    return state;
  uint32_t steps = want & ~FAILED;
  bool failed = want & FAILED;
  switch (steps) {
  case 0:
  case ACK:
  case ACK | DRIVER:
    return want | ours;
  case ACK | DRIVER | FEATURES:
    /* FAILED with it: the driver has given up, nothing is negotiated. */
    return (failed && !(base & FEATURES) ? want & ~FEATURES : want) | ours;
  case ACK | DRIVER | FEATURES | OK:
    if (!(base & FEATURES))
      return state;
    return (failed && !(base & OK) ? want & ~OK : want) | ours;
  default:
    return state;
  }
}

/* Case 15: all values from all states. */
START_TEST (obeys_the_table)
{
  for (unsigned b = 0; b < 5; b++)
    for (unsigned extra = 0; extra < 4; extra++) {
      uint32_t state = bases[b] | (extra & 1 ? NEEDS : 0) | (extra & 2 ? FAILED : 0);
      for (uint32_t value = 0; value < 256; value++) {
        reach (state);
        vmm_virtio__set_status (device, value);
        ck_assert_msg (device->status == expected (state, value), "0x%x written in 0x%x gives 0x%x, not 0x%x", value,
                       state, device->status, expected (state, value));
        ck_assert (device->active == ((device->status & (OK | NEEDS | FAILED)) == OK));
      }
      reach (state);
      vmm_virtio__set_status (device, 0x100);
      vmm_virtio__set_status (device, 0xffffffff);
      ck_assert_uint_eq (device->status, state);
    }
}
END_TEST

/* Case 15: all orders of the legal values to depth 4. */
START_TEST (obeys_the_table_in_any_order)
{
  static const uint32_t values[] = {
    0, ACK, ACK | DRIVER, ACK | DRIVER | FEATURES, ACK | DRIVER | FEATURES | OK, FAILED, ACK | DRIVER | FAILED, NEEDS
  };
  for (unsigned order = 0; order < 8 * 8 * 8 * 8; order++) {
    reach (0);
    vmm_virtio__set_features (device, 1, 1);
    uint32_t state = 0;
    bool features = true;
    for (unsigned depth = 0, left = order; depth < 4; depth++, left /= 8) {
      uint32_t value = values[left % 8], next = expected (state, value);
      if (value == 0)
        features = false; /* a reset forgets them */
      if (!features && !(state & FEATURES))
        next &= ~FEATURES;
      vmm_virtio__set_status (device, value);
      ck_assert_uint_eq (device->status, next);
      state = next;
    }
  }
}
END_TEST

static bool
accepts (uint32_t select, uint32_t word, uint32_t select2, uint32_t word2)
{
  vmm_virtio__set_status (device, 0);
  vmm_virtio__set_status (device, ACK);
  vmm_virtio__set_status (device, ACK | DRIVER);
  vmm_virtio__set_features (device, select, word);
  vmm_virtio__set_features (device, select2, word2);
  vmm_virtio__set_status (device, ACK | DRIVER | FEATURES);
  return (device->status & FEATURES) != 0;
}

/* Case 16 */
START_TEST (refuses_features)
{
  ck_assert_uint_eq (vmm_virtio__get_features (device, 0), 1u << 5 | 3u << 28);
  ck_assert_uint_eq (vmm_virtio__get_features (device, 1), 1);
  ck_assert_uint_eq (vmm_virtio__get_features (device, 2), 0);
  ck_assert_uint_eq (vmm_virtio__get_features (device, UINT32_MAX), 0);
  ck_assert (accepts (0, 1u << 5 | 3u << 28, 1, 1));
  ck_assert (accepts (0, 0, 1, 1));
  ck_assert (!accepts (0, 1u << 5 | 3u << 28, 1, 0));
  for (unsigned bit = 0; bit < 32; bit++) {
    ck_assert (accepts (0, 1u << bit, 1, 1) == (bit == 5 || bit == 28 || bit == 29));
    ck_assert (accepts (1, 1u << bit | 1, 0, 0) == (bit == 0));
    ck_assert (!accepts (2, 1u << bit, 1, 1));
    ck_assert (!accepts (UINT32_MAX, 1u << bit, 1, 1));
  }
  ck_assert (accepts (2, 0, 1, 1));
}
END_TEST

START_TEST (freezes_features)
{
  ck_assert (accepts (0, 1u << 5, 1, 1));
  vmm_virtio__set_features (device, 0, 0xffffffff);
  vmm_virtio__set_features (device, 1, 0xffffffff);
  vmm_virtio__set_features (device, 2, 0xffffffff);
  ck_assert_uint_eq (device->features, TOY_FEATURE | VMM_VIRTIO_F_VERSION_1);
  vmm_virtio__set_status (device, ACK | DRIVER | FEATURES | OK);
  ck_assert (device->active);
}
END_TEST

/* A driver may try again with fewer. */
START_TEST (lets_features_be_chosen_again)
{
  ck_assert (!accepts (0, 1, 1, 1));
  vmm_virtio__set_features (device, 0, 0);
  vmm_virtio__set_status (device, ACK | DRIVER | FEATURES);
  ck_assert_uint_eq (device->status, ACK | DRIVER | FEATURES);
}
END_TEST

/* Case 14 */
START_TEST (sets_queues_up_only_in_time)
{
  for (unsigned b = 0; b < 5; b++)
    for (unsigned extra = 0; extra < 4; extra++) {
      uint32_t state = bases[b] | (extra & 1 ? NEEDS : 0) | (extra & 2 ? FAILED : 0);
      reach (state);
      bool may = state == (ACK | DRIVER | FEATURES);
      ck_assert ((vmm_virtio__setup_queue (device, 0) != NULL) == may);
      ck_assert ((vmm_virtio__setup_queue (device, TOY_QUEUES - 1) != NULL) == may);
      ck_assert_ptr_null (vmm_virtio__setup_queue (device, TOY_QUEUES));
      ck_assert_ptr_null (vmm_virtio__setup_queue (device, 0xffffffff));
    }
  vmm_virtio__set_status (device, 0);
  driver_negotiate (&driver, 0);
  driver_queue (&driver, 1, 8);
  ck_assert_ptr_null (vmm_virtio__setup_queue (device, 1));
  vmm_virtio__disable_queue (device, 1);
  ck_assert_ptr_nonnull (vmm_virtio__setup_queue (device, 1));
  driver_queue (&driver, 1, 8);
  driver_ok (&driver);
  vmm_virtio__disable_queue (device, 1);
  vmm_virtio__disable_queue (device, 0xffffffff);
  ck_assert (device->queues[1].ready);
  ck_assert_uint_eq (device->queues[1].size, 8);
}
END_TEST

static uint32_t
echo (unsigned queue)
{
  vmm_gpa from = driver_put (&driver, "hello", 5), to = driver_alloc (&driver, 16, 16);
  struct driver_buffer buffers[] = { { from, 5, false }, { to, 16, true } };
  uint32_t len = driver_request (&driver, queue, buffers, 2);
  char got[5];
  driver_get (&driver, to, got, 5);
  ck_assert_mem_eq (got, "hello", 5);
  return len;
}

START_TEST (serves_kicks)
{
  driver_start (&driver, VMM_VIRTIO_F_EVENT_IDX);
  ck_assert_uint_eq (toy->activated, 1);
  ck_assert_uint_eq (echo (1), 5);
  ck_assert_uint_eq (driver.interrupts[1], 1);
  ck_assert_uint_eq (driver.interrupts[0], 0);
  ck_assert_uint_eq (driver.config_interrupts, 0);
}
END_TEST

/* A driver may fill queues and kick before DRIVER_OK; the device begins then. */
START_TEST (remembers_early_kicks)
{
  vmm_gpa to = driver_alloc (&driver, 16, 16);
  struct driver_buffer buffer = { to, 16, true };
  driver_negotiate (&driver, 0);
  driver_queue (&driver, 0, 0);
  driver_add (&driver, 0, &buffer, 1);
  driver_kick (&driver, 0);
  driver_kick (&driver, 2);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[0], 0);
  driver_ok (&driver);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[0], 1);
  ck_assert_uint_eq (toy->kicked[2], 0);
  ck_assert (driver_used (&driver, 0, NULL, NULL));
  driver_kick (&driver, 2); /* never set up */
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[2], 0);
}
END_TEST

/* Case 19: kicks without work are one call a round. */
START_TEST (gathers_kicks)
{
  driver_start (&driver, 0);
  unsigned before = toy->kicked[0];
  for (unsigned i = 0; i < 1000; i++)
    driver_kick (&driver, 0);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[0], before + 1);
}
END_TEST

START_TEST (asks_for_a_reset)
{
  driver_start (&driver, 0);
  driver_offer (&driver, 0, 0xffff);
  driver_kick (&driver, 0);
  driver_run (&driver);
  ck_assert (driver_needs_reset (&driver));
  ck_assert_uint_eq (driver.config_interrupts, 1);
  ck_assert_uint_eq (driver.fake->logs, 1);
  unsigned kicked = toy->kicked[1];
  driver_kick (&driver, 1);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[1], kicked);
  vmm_virtio__needs_reset (device, "again");
  ck_assert_uint_eq (driver.config_interrupts, 1);
  unsigned resets = toy->resets;
  driver_reset (&driver);
  ck_assert_uint_eq (toy->resets, resets + 1);
  driver_start (&driver, 0);
  ck_assert_uint_eq (echo (0), 5);
  ck_assert_uint_eq (echo (2), 5);
}
END_TEST

/* 2.1.2: no interrupt of any kind before DRIVER_OK. */
START_TEST (is_silent_before_driver_ok)
{
  vmm_virtio__config_changed (device);
  vmm_virtio__needs_reset (device, "early");
  ck_assert (driver_needs_reset (&driver));
  ck_assert_uint_eq (driver.config_interrupts, 0);
  ck_assert_uint_eq (device->config_generation, 1);
  driver_reset (&driver);
  driver_start (&driver, 0);
  vmm_virtio__config_changed (device);
  ck_assert_uint_eq (driver.config_interrupts, 1);
  ck_assert_uint_eq (device->config_generation, 2);
}
END_TEST

/* Case 20: what was in flight at a reset comes back to nobody. */
START_TEST (forgets_at_reset)
{
  toy->hold = true;
  driver_start (&driver, 0);
  struct driver_buffer buffer = { driver_alloc (&driver, 16, 16), 16, true };
  for (unsigned i = 0; i < 10; i++)
    driver_add (&driver, 0, &buffer, 1);
  driver_kick (&driver, 0);
  driver_run (&driver);
  ck_assert_uint_eq (toy->n_held, 10);
  uint16_t head = toy->held[0];
  vmm_virtio__set_status (device, 0);
  vmm_queue__push (&device->queues[0], driver.memory, head, 1);
  ck_assert (!driver_used (&driver, 0, NULL, NULL));
  for (unsigned i = 0; i < VMM_QUEUE_SIZE_MAX / 32; i++)
    ck_assert_uint_eq (device->queues[0].busy[i], 0);
}
END_TEST

START_TEST (rests_while_paused)
{
  driver_start (&driver, 0);
  vmm_virtio__pause (device);
  vmm_virtio__pause (device);
  ck_assert_uint_eq (toy->quiesced, 1);
  ck_assert (!device->active);
  unsigned before = toy->kicked[0];
  struct driver_buffer buffer = { driver_alloc (&driver, 16, 16), 16, true };
  driver_add (&driver, 0, &buffer, 1);
  driver_kick (&driver, 0);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[0], before);
  vmm_virtio__unpause (device);
  vmm_virtio__unpause (device);
  ck_assert_uint_eq (toy->resumed, 1);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[0], before + 1);
  ck_assert (driver_used (&driver, 0, NULL, NULL));
}
END_TEST

START_TEST (pauses_before_driver_ok)
{
  vmm_virtio__pause (device);
  vmm_virtio__unpause (device);
  ck_assert (!device->active);
  driver_start (&driver, 0);
  ck_assert_uint_eq (echo (0), 5);
}
END_TEST

/* Case 17, the part below a transport. */
START_TEST (bounds_configuration)
{
  for (unsigned len = 1; len <= 8; len *= 2)
    for (uint64_t offset = 0; offset < 20; offset++) {
      uint64_t value = UINT64_MAX, expect = 0;
      for (unsigned i = 0; i < len && offset + i < TOY_CONFIG; i++)
        expect |= (uint64_t) (uint8_t) "configured"[offset + i] << (8 * i);
      vmm_virtio__config (device, offset, len, &value, false);
      ck_assert_uint_eq (value, expect);
    }
  uint64_t value = 0;
  vmm_virtio__config (device, UINT64_MAX, 8, &value, false);
  ck_assert_uint_eq (value, 0);
  value = 0x58585858;
  vmm_virtio__config (device, 0, 4, &value, true); /* before FEATURES_OK */
  ck_assert_mem_eq (toy->config, "configured", 10);
  driver_negotiate (&driver, 0);
  vmm_virtio__config (device, 8, 4, &value, true);
  vmm_virtio__config (device, 10, 1, &value, true);
  vmm_virtio__config (device, UINT64_MAX - 1, 4, &value, true);
  ck_assert_mem_eq (toy->config, "configured", 10);
  vmm_virtio__config (device, 6, 4, &value, true);
  ck_assert_mem_eq (toy->config, "configXXXX", 10);
}
END_TEST

/* ---- queues of another process ---- */

START_TEST (hands_queues_over)
{
  driver_close (&driver);
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &toy_away_ops, NULL, NULL), 0);
  device = driver.device;
  toy = toy_of (device);
  driver_negotiate (&driver, 0);
  driver_queue (&driver, 0, 0);
  driver_queue (&driver, 2, 0);
  driver_kick (&driver, 2);
  driver_run (&driver);
  driver_ok (&driver);
  ck_assert_uint_eq (toy->handed, 2);
  ck_assert_int_eq (toy->kick_fd, device->kick_fds[2]);
  ck_assert_int_eq (toy->call_fd, driver.call_fds[2]);
  driver_run (&driver);
  ck_assert_uint_ge (driver_take (toy->kick_fd), 1); /* not ours to take any more */
  driver_kick (&driver, 2);
  driver_reset (&driver);
  driver_run (&driver);
  ck_assert_uint_eq (driver_take (device->kick_fds[2]), 0);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/virtio");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_test (c, obeys_the_table);
  tcase_add_test (c, obeys_the_table_in_any_order);
  tcase_add_test (c, refuses_features);
  tcase_add_test (c, freezes_features);
  tcase_add_test (c, lets_features_be_chosen_again);
  tcase_add_test (c, sets_queues_up_only_in_time);
  tcase_add_test (c, serves_kicks);
  tcase_add_test (c, remembers_early_kicks);
  tcase_add_test (c, gathers_kicks);
  tcase_add_test (c, asks_for_a_reset);
  tcase_add_test (c, is_silent_before_driver_ok);
  tcase_add_test (c, forgets_at_reset);
  tcase_add_test (c, rests_while_paused);
  tcase_add_test (c, pauses_before_driver_ok);
  tcase_add_test (c, bounds_configuration);
  tcase_add_test (c, hands_queues_over);
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
