/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the split queue takes, refuses and gives back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define RAM  VMM_RAM_MIN
#define SIZE 8

/* A device that does nothing: the tests below play it. */
static int
idle_realize (void *self, struct vmm_virtio *base, const void *config, kata_error **err)
{
  (void) self, (void) config, (void) err;
  base->n_queues = 1;
  vmm_queue__init (&base->queues[0], 64);
  return 0;
}

static const struct vmm_virtio_ops idle_ops = {
  .size = sizeof idle_ops, .name = "idle", .device_id = 42, .realize = idle_realize
};

static struct driver driver;
static struct vmm_queue *queue;
static struct vmm_chain chain;
static vmm_gpa data;

static void
set_up_with (uint64_t features, uint16_t size, uint64_t ram)
{
  driver_open (&driver, ram);
  ck_assert_int_eq (driver_device (&driver, &idle_ops, NULL, NULL), 0);
  driver_negotiate (&driver, features);
  driver_queue (&driver, 0, size);
  queue = &driver.device->queues[0];
  data = driver_alloc (&driver, 65536, 4096);
}

static void
set_up (void)
{
  set_up_with (VMM_VIRTIO_F_INDIRECT, SIZE, RAM);
}

static void
set_up_event (void)
{
  set_up_with (VMM_VIRTIO_F_EVENT_IDX | VMM_VIRTIO_F_INDIRECT, SIZE, RAM);
}

static void
set_up_large (void)
{
  set_up_with (0, SIZE, UINT64_C (1) << 30);
}

static void
tear_down (void)
{
  driver_close (&driver);
}

static enum vmm_pop
pop (void)
{
  return vmm_queue__pop (queue, driver.memory, &chain);
}

static void
expect_broken (const char *part)
{
  ck_assert_int_eq (pop (), VMM_POP_BROKEN);
  ck_assert (queue->broken);
  ck_assert_msg (strstr (queue->why, part) != NULL, "\"%s\" says nothing of \"%s\"", queue->why, part);
  ck_assert_int_eq (pop (), VMM_POP_BROKEN);
  ck_assert_uint_eq (vmm_queue__pending (queue, driver.memory), 0);
  ck_assert (!vmm_queue__want_kick (queue, driver.memory, true));
  ck_assert (!vmm_queue__wants_interrupt (queue, driver.memory));
}

/* ---- honest drivers ---- */

START_TEST (gives_a_chain)
{
  struct driver_buffer buffers[] = { { data, 16, false }, { data + 4096, 100, true }, { data + 8192, 1, true } };
  ck_assert_int_eq (pop (), VMM_POP_EMPTY);
  uint16_t head = driver_add (&driver, 0, buffers, 3);
  ck_assert_uint_eq (vmm_queue__pending (queue, driver.memory), 1);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  ck_assert_uint_eq (chain.head, head);
  ck_assert_uint_eq (chain.n_read, 1);
  ck_assert_uint_eq (chain.n_write, 2);
  ck_assert_uint_eq (chain.read_len, 16);
  ck_assert_uint_eq (chain.write_len, 101);
  ck_assert_int_eq (pop (), VMM_POP_EMPTY);
  vmm_queue__push (queue, driver.memory, chain.head, 101);
  uint16_t back;
  uint32_t len;
  ck_assert (driver_used (&driver, 0, &back, &len));
  ck_assert_uint_eq (back, head);
  ck_assert_uint_eq (len, 101);
  ck_assert (!driver_used (&driver, 0, NULL, NULL));
}
END_TEST

START_TEST (goes_round_and_round)
{
  struct driver_buffer buffer = { data, 64, true };
  for (unsigned i = 0; i < 70000; i++) {
    uint16_t head = driver_add (&driver, 0, &buffer, 1), back;
    ck_assert_int_eq (pop (), VMM_POP_CHAIN);
    ck_assert_uint_eq (chain.head, head);
    vmm_queue__push (queue, driver.memory, chain.head, i);
    uint32_t len;
    ck_assert (driver_used (&driver, 0, &back, &len) && back == head && len == i);
  }
  ck_assert_uint_eq (queue->next_avail, (uint16_t) 70000);
}
END_TEST

START_TEST (returns_in_any_order)
{
  struct driver_buffer buffer = { data, 64, true };
  uint16_t heads[SIZE], back;
  for (unsigned i = 0; i < SIZE; i++)
    heads[i] = driver_add (&driver, 0, &buffer, 1);
  for (unsigned i = 0; i < SIZE; i++)
    ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  ck_assert_int_eq (pop (), VMM_POP_EMPTY);
  for (unsigned i = SIZE; i-- > 0;)
    vmm_queue__push (queue, driver.memory, heads[i], i);
  for (unsigned i = SIZE; i-- > 0;)
    ck_assert (driver_used (&driver, 0, &back, NULL) && back == heads[i]);
}
END_TEST

START_TEST (puts_back)
{
  struct driver_buffer buffer = { data, 64, true };
  uint16_t head = driver_add (&driver, 0, &buffer, 1);
  for (unsigned i = 0; i < 5; i++) {
    ck_assert_int_eq (pop (), VMM_POP_CHAIN);
    ck_assert_uint_eq (chain.head, head);
    vmm_queue__unpop (queue, &chain);
    ck_assert_uint_eq (vmm_queue__pending (queue, driver.memory), 1);
  }
}
END_TEST

START_TEST (reads_indirect_tables)
{
  struct driver_buffer buffers[] = { { data, 16, false }, { data + 64, 16, false }, { data + 128, 32, true } };
  driver_add_indirect (&driver, 0, buffers, 3);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  ck_assert_uint_eq (chain.n_read, 2);
  ck_assert_uint_eq (chain.n_write, 1);
  vmm_queue__push (queue, driver.memory, chain.head, 0);
  /* 2.7.5.3.2: direct descriptors and then one indirect; its own write flag says nothing. */
  struct vmm_ring_desc table[] = { { data + 128, 32, VMM_RING_DESC_WRITE, 0 } };
  driver_desc (&driver, 0, 5, data, 16, VMM_RING_DESC_NEXT, 6);
  driver_desc (&driver, 0, 6, driver_put (&driver, table, sizeof table), sizeof table,
               VMM_RING_DESC_INDIRECT | VMM_RING_DESC_WRITE, 0);
  driver_offer (&driver, 0, 5);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  ck_assert_uint_eq (chain.read_len, 16);
  ck_assert_uint_eq (chain.write_len, 32);
}
END_TEST

/* ---- interrupts and kicks ---- */

static bool
push_one (void)
{
  struct driver_buffer buffer = { data, 64, true };
  driver_add (&driver, 0, &buffer, 1);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  vmm_queue__push (queue, driver.memory, chain.head, 0);
  return vmm_queue__wants_interrupt (queue, driver.memory);
}

START_TEST (obeys_the_flags)
{
  ck_assert (push_one ());
  driver_want_interrupt (&driver, 0, false);
  ck_assert (!push_one ());
  driver_want_interrupt (&driver, 0, true);
  ck_assert (push_one ());
  ck_assert (driver_wants_kick (&driver, 0));
  vmm_queue__want_kick (queue, driver.memory, false);
  ck_assert (!driver_wants_kick (&driver, 0));
  ck_assert (!vmm_queue__want_kick (queue, driver.memory, true));
  ck_assert (driver_wants_kick (&driver, 0));
  struct driver_buffer buffer = { data, 64, true };
  driver_add (&driver, 0, &buffer, 1);
  ck_assert (vmm_queue__want_kick (queue, driver.memory, true));
}
END_TEST

START_TEST (obeys_the_event_index)
{
  ck_assert (push_one ()); /* it was never told anything */
  ck_assert (!push_one ());
  while (driver_used (&driver, 0, NULL, NULL))
    ;
  driver_want_interrupt (&driver, 0, true);
  ck_assert (push_one ());
  ck_assert (!push_one ());
  driver_want_interrupt (&driver, 0, false);
  ck_assert (!push_one ());
  struct driver_buffer buffer = { data, 64, true };
  ck_assert (!vmm_queue__want_kick (queue, driver.memory, true));
  driver_add (&driver, 0, &buffer, 1);
  ck_assert (driver_wants_kick (&driver, 0));
  driver_add (&driver, 0, &buffer, 1);
  ck_assert (!driver_wants_kick (&driver, 0));
  ck_assert (vmm_queue__want_kick (queue, driver.memory, true));
}
END_TEST

START_TEST (ignores_late_completions)
{
  struct driver_buffer buffer = { data, 64, true };
  uint16_t head = driver_add (&driver, 0, &buffer, 1);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  vmm_queue__push (queue, driver.memory, (uint16_t) (head + 1), 0);
  vmm_queue__push (queue, driver.memory, 0xffff, 0);
  ck_assert (!driver_used (&driver, 0, NULL, NULL));
  vmm_queue__reset (queue);
  vmm_queue__push (queue, driver.memory, head, 0);
  ck_assert (!driver_used (&driver, 0, NULL, NULL));
  ck_assert_int_eq (pop (), VMM_POP_EMPTY);
  ck_assert_uint_eq (queue->max, 64);
}
END_TEST

/* ---- broken rules ---- */

/* Case 1 */
START_TEST (refuses_circles)
{
  static const uint16_t circles[][3] = { { 0, 0, 0 }, { 1, 0, 0 }, { 1, 2, 0 } };
  for (unsigned i = 0; i < 3; i++)
    driver_desc (&driver, 0, (uint16_t) i, data, 16, VMM_RING_DESC_NEXT, circles[_i][i]);
  driver_offer (&driver, 0, 0);
  expect_broken ("circle");
}
END_TEST

/* Case 2 */
START_TEST (refuses_descriptors_outside_the_table)
{
  static const uint16_t outside[] = { SIZE, SIZE + 1, 0x7fff, 0xffff };
  driver_desc (&driver, 0, 0, data, 16, VMM_RING_DESC_NEXT, outside[_i]);
  driver_offer (&driver, 0, 0);
  expect_broken ("outside");
}
END_TEST

START_TEST (refuses_heads_outside_the_table)
{
  static const uint16_t outside[] = { SIZE, SIZE + 1, 0x7fff, 0xffff };
  driver_offer (&driver, 0, outside[_i]);
  expect_broken ("head");
}
END_TEST

/* Offers one indirect descriptor that refers to these. */
static void
offer_table (const struct vmm_ring_desc *table, unsigned n, uint32_t len, unsigned flags)
{
  driver_desc (&driver, 0, 0, driver_put (&driver, table, n * sizeof *table), len, VMM_RING_DESC_INDIRECT | flags, 1);
  driver_desc (&driver, 0, 1, data, 16, VMM_RING_DESC_WRITE, 0);
  driver_offer (&driver, 0, 0);
}

/* Case 3 */
START_TEST (refuses_nested_tables)
{
  struct vmm_ring_desc table = { data, 16, VMM_RING_DESC_INDIRECT, 0 };
  offer_table (&table, 1, 16, 0);
  expect_broken ("another");
}
END_TEST

START_TEST (refuses_a_table_with_a_next)
{
  struct vmm_ring_desc table = { data, 16, 0, 0 };
  offer_table (&table, 1, 16, VMM_RING_DESC_NEXT);
  expect_broken ("next");
}
END_TEST

START_TEST (refuses_what_was_not_negotiated)
{
  struct vmm_ring_desc table = { data, 16, 0, 0 };
  queue->indirect = false;
  offer_table (&table, 1, 16, 0);
  expect_broken ("negotiated");
}
END_TEST

/* Case 4 */
START_TEST (refuses_lengths_of_tables)
{
  static const uint32_t lens[] = { 0, 1, 15, 17, 31, 16 * (SIZE + 1), 0xfffffff0, 0xffffffff };
  struct vmm_ring_desc table[SIZE + 1] = { { data, 16, 0, 0 } };
  offer_table (table, SIZE + 1, lens[_i], 0);
  expect_broken ("table");
}
END_TEST

START_TEST (refuses_places_of_tables)
{
  static const uint64_t places[] = {
    RAM, RAM - 16, VMM_RAM_LOW_END - 16, VMM_RAM_LOW_END, VMM_RAM_HIGH_BASE, 0xfee00000u, UINT64_MAX - 15, UINT64_MAX
  };
  driver_desc (&driver, 0, 0, places[_i], 32, VMM_RING_DESC_INDIRECT, 0);
  driver_offer (&driver, 0, 0);
  expect_broken ("table is not in RAM");
}
END_TEST

START_TEST (refuses_a_next_outside_its_table)
{
  struct vmm_ring_desc table[] = { { data, 16, VMM_RING_DESC_NEXT, 2 }, { data, 16, 0, 0 } };
  offer_table (table, 2, 32, 0);
  expect_broken ("outside its");
}
END_TEST

START_TEST (refuses_a_circle_in_a_table)
{
  struct vmm_ring_desc table[] = { { data, 16, VMM_RING_DESC_NEXT, 1 }, { data, 16, VMM_RING_DESC_NEXT, 0 } };
  offer_table (table, 2, 32, 0);
  expect_broken ("circle");
}
END_TEST

/* Cases 5, 6 and 7 */
START_TEST (refuses_buffers_outside_ram)
{
  static const struct {
    vmm_gpa addr;
    uint32_t len;
  } buffers[] = { { RAM, 1 },        { RAM - 1, 2 },    { VMM_RAM_LOW_END - 1, 2 },
                  { UINT64_MAX, 1 }, { UINT64_MAX, 2 }, { UINT64_MAX - 15, 32 },
                  { 0xfee00000, 4 }, { 0xd0000050, 4 }, { UINT64_C (1) << 63, 16 },
                  { 0, 0x7fffffff } };
  driver_desc (&driver, 0, 0, data, 16, VMM_RING_DESC_NEXT, 1);
  driver_desc (&driver, 0, 1, buffers[_i].addr, buffers[_i].len, VMM_RING_DESC_WRITE, 0);
  driver_offer (&driver, 0, 0);
  expect_broken ("RAM");
}
END_TEST

START_TEST (takes_the_last_byte)
{
  struct driver_buffer buffer = { RAM - 1, 1, true };
  driver_add (&driver, 0, &buffer, 1);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
}
END_TEST

START_TEST (takes_its_own_rings_as_buffers)
{
  /* Case 7: the driver harms itself alone; what was copied stays what was checked. */
  struct driver_buffer buffer = { driver.queues[0].desc, 16 * SIZE, true };
  uint16_t head = driver_add (&driver, 0, &buffer, 1);
  uint8_t junk[16 * SIZE];
  memset (junk, 0xff, sizeof junk);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  ck_assert_uint_eq (vmm_chain__write (&chain, 0, junk, sizeof junk), sizeof junk);
  vmm_queue__push (queue, driver.memory, head, sizeof junk);
  ck_assert (driver_used (&driver, 0, NULL, NULL));
  driver_offer (&driver, 0, 0);
  ck_assert_int_eq (pop (), VMM_POP_BROKEN);
}
END_TEST

START_TEST (refuses_an_overflow_of_lengths)
{
  struct driver_buffer buffers[SIZE];
  for (unsigned i = 0; i < SIZE; i++)
    buffers[i] = (struct driver_buffer){ 0, UINT32_C (1) << 30, (int) i >= _i };
  driver_add (&driver, 0, buffers, 3);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  driver_add (&driver, 0, buffers, 4);
  expect_broken ("overflow");
}
END_TEST

/* Case 8 */
START_TEST (skips_empty_buffers)
{
  struct driver_buffer buffers[] = {
    { data, 16, false }, { data, 16, false }, { data + 64, 8, true }, { data + 80, 8, true }
  };
  buffers[_i].len = 0;
  buffers[_i].addr = UINT64_MAX;
  driver_add (&driver, 0, buffers, 4);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  ck_assert_uint_eq (chain.n_read + chain.n_write, 3);
}
END_TEST

START_TEST (refuses_a_chain_of_nothing)
{
  struct driver_buffer buffers[] = { { data, 0, false }, { data, 0, true } };
  driver_add (&driver, 0, buffers, 2);
  expect_broken ("no bytes");
}
END_TEST

START_TEST (refuses_readable_after_writable)
{
  struct driver_buffer buffers[] = { { data, 8, false }, { data + 64, (uint32_t) _i, true }, { data, 8, false } };
  driver_add (&driver, 0, buffers, 3);
  expect_broken ("readable");
}
END_TEST

/* Case 9 */
START_TEST (refuses_jumps)
{
  static const uint16_t jumps[] = { SIZE + 1, 0x7fff, 0x8000, 0xffff };
  driver_jump (&driver, 0, jumps[_i]);
  ck_assert_uint_eq (vmm_queue__pending (queue, driver.memory), SIZE);
  expect_broken ("index");
}
END_TEST

START_TEST (refuses_to_go_backwards)
{
  ck_assert (push_one ());
  ck_assert (push_one ());
  driver_jump (&driver, 0, 0xffff);
  expect_broken ("index");
}
END_TEST

/* Case 10 */
START_TEST (refuses_the_same_head_twice)
{
  struct driver_buffer buffer = { data, 64, true };
  uint16_t head = driver_add (&driver, 0, &buffer, 1);
  driver_offer (&driver, 0, head);
  ck_assert_int_eq (pop (), VMM_POP_CHAIN);
  expect_broken ("twice");
  vmm_queue__push (queue, driver.memory, head, 0);
  ck_assert (!driver_used (&driver, 0, NULL, NULL));
}
END_TEST

/* ---- what enable refuses ---- */

static bool
enable_with (uint16_t size, vmm_gpa desc, vmm_gpa avail, vmm_gpa used)
{
  struct vmm_queue fresh;
  vmm_queue__init (&fresh, 64);
  fresh.size = size;
  fresh.desc = desc;
  fresh.avail = avail;
  fresh.used = used;
  bool ok = vmm_queue__enable (&fresh, driver.memory, true, true);
  ck_assert (ok == fresh.ready);
  return ok;
}

/* Case 12 */
START_TEST (refuses_places_of_rings)
{
  vmm_gpa desc = data, avail = data + 4096, used = data + 8192;
  static const vmm_gpa bad[] = {
    0, 1, RAM, RAM - 16, VMM_RAM_LOW_END, 0xd0000000, 0xfee00000, UINT64_MAX - 15, UINT64_C (1) << 63
  };
  ck_assert (enable_with (64, desc, avail, used));
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert (!enable_with (64, bad[i], avail, used));
    ck_assert (!enable_with (64, desc, bad[i], used));
    ck_assert (!enable_with (64, desc, avail, bad[i]));
  }
  ck_assert (!enable_with (64, desc + 8, avail, used));
  ck_assert (!enable_with (64, desc, avail + 1, used));
  ck_assert (!enable_with (64, desc, avail, used + 2));
  ck_assert (!enable_with (64, desc, desc, used));
  ck_assert (!enable_with (64, desc, desc + 1022, used));
  ck_assert (!enable_with (64, desc, avail, desc + 1020));
  ck_assert (!enable_with (64, desc, avail, avail + 132));
  ck_assert (enable_with (64, desc, desc + 1024, desc + 1024 + 136));
  /* 2.7: each ends with its last byte in RAM. */
  ck_assert (enable_with (64, RAM - 1024, avail, used));
  ck_assert (!enable_with (64, RAM - 1024 + 16, avail, used));
  ck_assert (enable_with (64, desc, RAM - 134, used));
  ck_assert (!enable_with (64, desc, RAM - 132, used));
  ck_assert (enable_with (64, desc, avail, RAM - 520));
  ck_assert (!enable_with (64, desc, avail, RAM - 516));
}
END_TEST

/* Case 13 */
START_TEST (refuses_sizes)
{
  for (unsigned size = 0; size <= 0xffff; size++) {
    bool good = size != 0 && size <= 64 && (size & (size - 1)) == 0;
    ck_assert (enable_with ((uint16_t) size, data, data + 4096, data + 8192) == good);
  }
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/queue");
  TCase *c = tcase_create ("honest");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_test (c, gives_a_chain);
  tcase_add_test (c, goes_round_and_round);
  tcase_add_test (c, returns_in_any_order);
  tcase_add_test (c, puts_back);
  tcase_add_test (c, reads_indirect_tables);
  tcase_add_test (c, obeys_the_flags);
  tcase_add_test (c, ignores_late_completions);
  tcase_add_test (c, takes_the_last_byte);
  tcase_add_test (c, takes_its_own_rings_as_buffers);
  tcase_add_loop_test (c, skips_empty_buffers, 0, 4);
  suite_add_tcase (s, c);

  c = tcase_create ("event index");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up_event, tear_down);
  tcase_add_test (c, obeys_the_event_index);
  suite_add_tcase (s, c);

  c = tcase_create ("hostile");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_loop_test (c, refuses_circles, 0, 3);
  tcase_add_loop_test (c, refuses_descriptors_outside_the_table, 0, 4);
  tcase_add_loop_test (c, refuses_heads_outside_the_table, 0, 4);
  tcase_add_test (c, refuses_nested_tables);
  tcase_add_test (c, refuses_a_table_with_a_next);
  tcase_add_test (c, refuses_what_was_not_negotiated);
  tcase_add_loop_test (c, refuses_lengths_of_tables, 0, 8);
  tcase_add_loop_test (c, refuses_places_of_tables, 0, 8);
  tcase_add_test (c, refuses_a_next_outside_its_table);
  tcase_add_test (c, refuses_a_circle_in_a_table);
  tcase_add_loop_test (c, refuses_buffers_outside_ram, 0, 10);
  tcase_add_test (c, refuses_a_chain_of_nothing);
  tcase_add_loop_test (c, refuses_readable_after_writable, 0, 2);
  tcase_add_loop_test (c, refuses_jumps, 0, 4);
  tcase_add_test (c, refuses_to_go_backwards);
  tcase_add_test (c, refuses_the_same_head_twice);
  suite_add_tcase (s, c);

  c = tcase_create ("large");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up_large, tear_down);
  tcase_add_loop_test (c, refuses_an_overflow_of_lengths, 0, 5);
  suite_add_tcase (s, c);

  c = tcase_create ("enable");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_test (c, refuses_places_of_rings);
  tcase_add_test (c, refuses_sizes);
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
