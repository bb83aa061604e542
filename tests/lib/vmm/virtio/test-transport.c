/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both transports against an honest and a hostile guest; each test runs over mmio (0) and PCI (1). Numbers are the cases of the threat list. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registers.h"
#include "toy.h"

#include "vmm/pci/regs.h"
#include "vmm/virtio/mmio-regs.h"
#include "vmm/virtio/pci-regs.h"

#define ACK        VMM_VIRTIO_S_ACKNOWLEDGE
#define DRIVER     VMM_VIRTIO_S_DRIVER
#define FEATURES   VMM_VIRTIO_S_FEATURES_OK
#define OK         VMM_VIRTIO_S_DRIVER_OK
#define NEEDS      VMM_VIRTIO_S_NEEDS_RESET
#define ALL_BUT_OK (ACK | DRIVER | FEATURES)

static struct driver driver;
static struct registers guest;
static struct toy *toy;
static vmm_gpa data;

static void
begin_with (bool pci, const struct vmm_virtio_ops *ops)
{
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, ops, NULL, NULL), 0);
  registers_open (&guest, &driver, pci);
  toy = toy_of (driver.device);
  data = driver_alloc (&driver, 65536, 4096);
}

static void
begin (bool pci)
{
  begin_with (pci, &toy_ops);
}

static void
end (void)
{
  registers_close (&guest);
  driver_close (&driver);
}

/* ---- honest ---- */

/* One request on @queue, kicked through the transport's register. */
static void
echo (unsigned queue)
{
  char got[5] = "";
  struct driver_buffer buffers[] = { { data, 5, false }, { data + 4096, 16, true } };
  driver_set (&driver, data, "hello", 5);
  driver_set (&driver, data + 4096, got, 5);
  uint16_t head = driver_add (&driver, queue, buffers, 2), back = 0;
  uint32_t len = 0;
  registers_notify (&guest, queue);
  driver_run (&driver);
  ck_assert (driver_used (&driver, queue, &back, &len));
  ck_assert_uint_eq (back, head);
  ck_assert_uint_eq (len, 5);
  driver_get (&driver, data + 4096, got, 5);
  ck_assert_mem_eq (got, "hello", 5);
}

START_TEST (serves_requests)
{
  begin (_i);
  ck_assert_uint_eq (registers_offered (&guest, 0), 1u << 5 | 3u << 28);
  ck_assert_uint_eq (registers_offered (&guest, 1), 1);
  registers_start (&guest, VMM_VIRTIO_F_EVENT_IDX | VMM_VIRTIO_F_INDIRECT);
  for (unsigned q = 0; q < TOY_QUEUES; q++)
    for (unsigned i = 0; i < 3; i++) {
      driver_want_interrupt (&driver, q, true);
      ck_assert (!registers_interrupted (&guest, (int) q));
      echo (q);
      ck_assert (registers_interrupted (&guest, (int) q));
      ck_assert (!registers_interrupted (&guest, -1));
    }
  ck_assert_uint_eq (registers_config (&guest, 0, 4), 0x666e6f63); /* "conf" */
  end ();
}
END_TEST

START_TEST (works_again_after_a_reset)
{
  begin (_i);
  for (unsigned i = 0; i < 5; i++) {
    registers_start (&guest, 0);
    echo (i % TOY_QUEUES);
  }
  ck_assert_uint_eq (toy->activated, 5);
  end ();
}
END_TEST

START_TEST (tells_of_configuration)
{
  begin (_i);
  registers_start (&guest, 0);
  vmm_virtio__config_changed (driver.device);
  ck_assert (registers_interrupted (&guest, -1));
  ck_assert (!registers_interrupted (&guest, -1));
  uint64_t generation = _i ? registers_read (&guest, VMM_VPCI_CONFIG_GENERATION, 1)
                           : registers_read (&guest, VMM_MMIO_CONFIG_GENERATION, 4);
  ck_assert_uint_eq (generation, 1);
  end ();
}
END_TEST

/* ---- chains: cases 1 to 10 through a whole device ---- */

static void
desc (uint16_t index, vmm_gpa addr, uint32_t len, unsigned flags, uint16_t next)
{
  driver_desc (&driver, 0, index, addr, len, flags, next);
}

static void
table (uint32_t len, unsigned flags, unsigned inner, uint16_t next)
{
  struct vmm_ring_desc entries[2] = { { data, 16, (uint16_t) inner, next }, { data, 16, 0, 0 } };
  desc (0, driver_put (&driver, entries, sizeof entries), len, VMM_RING_DESC_INDIRECT | flags, 1);
  desc (1, data, 16, 0, 0);
}

#define DATA     1 /* stands for the place of the data */
#define NEXT     VMM_RING_DESC_NEXT
#define WRITE    VMM_RING_DESC_WRITE
#define INDIRECT VMM_RING_DESC_INDIRECT

static const struct {
  bool table; /* a table of two, the first with these inner flags and next */
  vmm_gpa addr;
  uint32_t len;
  unsigned flags;
  uint16_t next;
  unsigned inner;
} hostile[] = {
  { .addr = DATA, .len = 16, .flags = NEXT, .next = 0 },              /* case 1: a circle */
  { .addr = DATA, .len = 16, .flags = NEXT, .next = 4 },              /* and a long one: 4 and 5 point at each other */
  { .addr = DATA, .len = 16, .flags = NEXT, .next = TOY_QUEUE_SIZE }, /* case 2 */
  { .table = true, .len = 16, .inner = INDIRECT },                    /* case 3 */
  { .table = true, .len = 16, .flags = NEXT },
  { .table = true, .len = 0 }, /* case 4 */
  { .table = true, .len = 15 },
  { .table = true, .len = 17 },
  { .table = true, .len = 0xfffffff0 },
  { .addr = VMM_RAM_MIN - 16, .len = 32, .flags = INDIRECT },
  { .addr = 0xfee00000, .len = 32, .flags = INDIRECT },
  { .table = true, .len = 32, .inner = NEXT, .next = 2 },
  { .addr = UINT64_MAX - 7, .len = 16, .flags = WRITE }, /* cases 5, 6, 7 */
  { .addr = VMM_RAM_MIN - 1, .len = 2, .flags = WRITE },
  { .addr = 0xd0000000, .len = 4, .flags = WRITE },
  { .addr = DATA, .len = 0 },                                    /* case 8 */
  { .addr = DATA, .len = 16, .flags = NEXT | WRITE, .next = 1 }, /* readable after writable */
};
#define HOSTILE (sizeof hostile / sizeof *hostile)

/* Makes hostile chain number @n, without offering it. */
static void
make_hostile (unsigned n)
{
  for (uint16_t i = 0; i < 4; i++)
    desc (i, data, 16, 0, 0);
  desc (4, data, 16, NEXT, 5);
  desc (5, data, 16, NEXT, 4);
  if (hostile[n].table)
    table (hostile[n].len, hostile[n].flags, hostile[n].inner, hostile[n].next);
  else
    desc (0, hostile[n].addr == DATA ? data : hostile[n].addr, hostile[n].len, hostile[n].flags, hostile[n].next);
}

static void
expect_needs_reset (void)
{
  registers_notify (&guest, 0);
  driver_run (&driver);
  ck_assert_uint_eq (registers_status (&guest), ALL_BUT_OK | OK | NEEDS);
  ck_assert (registers_interrupted (&guest, -1));
  /* Nothing works, nothing else happens; then a reset mends it. */
  unsigned kicked = toy->kicked[1];
  registers_notify (&guest, 1);
  driver_run (&driver);
  ck_assert_uint_eq (toy->kicked[1], kicked);
  registers_start (&guest, VMM_VIRTIO_F_INDIRECT);
  echo (0);
  echo (1);
}

START_TEST (answers_hostile_chains)
{
  begin (_i);
  registers_start (&guest, VMM_VIRTIO_F_INDIRECT);
  for (unsigned n = 0; n < HOSTILE; n++) {
    make_hostile (n);
    driver_offer (&driver, 0, 0);
    expect_needs_reset ();
  }
  end ();
}
END_TEST

/* Case 3: the write flag of an indirect descriptor is ignored, 2.7.5.3.2. */
START_TEST (ignores_the_write_flag_of_tables)
{
  begin (_i);
  registers_start (&guest, VMM_VIRTIO_F_INDIRECT);
  table (16, WRITE, 0, 0);
  driver_offer (&driver, 0, 0);
  registers_notify (&guest, 0);
  driver_run (&driver);
  ck_assert (driver_used (&driver, 0, NULL, NULL));
  end ();
}
END_TEST

/* Cases 9 and 10 */
START_TEST (answers_hostile_indexes)
{
  static const uint16_t jumps[] = { TOY_QUEUE_SIZE + 1, 0x8000, 0xffff };
  begin (_i);
  registers_start (&guest, VMM_VIRTIO_F_INDIRECT);
  for (unsigned i = 0; i < 3; i++) {
    driver_jump (&driver, 0, jumps[i]);
    expect_needs_reset ();
  }
  driver_offer (&driver, 0, TOY_QUEUE_SIZE);
  expect_needs_reset ();
  desc (0, data, 16, 0, 0);
  toy->hold = true;
  driver_offer (&driver, 0, 0);
  registers_notify (&guest, 0);
  driver_run (&driver);
  driver_offer (&driver, 0, 0);
  registers_notify (&guest, 0);
  driver_run (&driver);
  ck_assert_uint_eq (registers_status (&guest), ALL_BUT_OK | OK | NEEDS);
  end ();
}
END_TEST

/* Case 7: a buffer over the rings, in the queue's own and in another. */
START_TEST (survives_buffers_over_rings)
{
  uint8_t junk[128];
  memset (junk, 0xff, sizeof junk);
  begin (_i);
  for (unsigned over = 0; over < 6; over++) {
    registers_start (&guest, VMM_VIRTIO_F_INDIRECT);
    const struct driver_queue *own = &driver.queues[over % 2];
    vmm_gpa rings[] = { own->desc, own->avail, own->used };
    driver_set (&driver, data, junk, sizeof junk);
    struct driver_buffer buffers[] = { { data, sizeof junk, false }, { rings[over / 2], sizeof junk, true } };
    driver_add (&driver, 0, buffers, 2);
    for (unsigned i = 0; i < 3; i++) {
      registers_notify (&guest, 0);
      registers_notify (&guest, 1);
      driver_run (&driver);
    }
  }
  registers_start (&guest, 0);
  echo (0);
  end ();
}
END_TEST

/* ---- setting queues up ---- */

static bool
enables (uint32_t size, vmm_gpa desc_at, vmm_gpa avail, vmm_gpa used)
{
  registers_negotiate (&guest, 0);
  registers_select (&guest, 1);
  registers_set_size (&guest, size);
  registers_set_ring (&guest, REGISTERS_DESC, desc_at);
  registers_set_ring (&guest, REGISTERS_AVAIL, avail);
  registers_set_ring (&guest, REGISTERS_USED, used);
  registers_set_ready (&guest, 1);
  return registers_ready (&guest) == 1;
}

/* Cases 12 and 13 */
START_TEST (refuses_queues)
{
  static const vmm_gpa bad[] = { 0,          1,          VMM_RAM_MIN, VMM_RAM_MIN - 16, VMM_RAM_LOW_END,
                                 0xd0000000, 0xfee00000, UINT64_MAX,  UINT64_MAX - 15,  UINT64_C (1) << 63 };
  static const uint32_t sizes[] = { 0, 3, 63, 65, 128, 257, 1024, 0x8000, 0xffff };
  begin (_i);
  vmm_gpa avail = data + 4096, used = data + 8192;
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert (!enables (8, bad[i], avail, used));
    ck_assert (!enables (8, data, bad[i], used));
    ck_assert (!enables (8, data, avail, bad[i]));
  }
  ck_assert (!enables (8, data, data, used));
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
    ck_assert (!enables (sizes[i], data, avail, used));
  if (!guest.pci)
    ck_assert (!enables (0x10008, data, avail, used));
  ck_assert (enables (8, data, avail, used));
  ck_assert (enables (64, data, avail, used));
  end ();
}
END_TEST

/* What the guest set is the queue's for good. */
static void
check_frozen (unsigned queue)
{
  struct vmm_queue before = driver.device->queues[queue];
  registers_select (&guest, queue);
  for (uint32_t size = 0; size < 4; size++)
    registers_set_size (&guest, size == 3 ? 0xffff : size * 32);
  for (enum registers_ring ring = REGISTERS_DESC; ring <= REGISTERS_USED; ring++)
    registers_set_ring (&guest, ring, 0xffffffffffff0000);
  registers_set_ready (&guest, 1);
  registers_set_ready (&guest, 2);
  registers_set_ready (&guest, 0xffff);
  struct vmm_queue *now = &driver.device->queues[queue];
  ck_assert_uint_eq (now->size, before.size);
  ck_assert (now->desc == before.desc && now->avail == before.avail && now->used == before.used);
  ck_assert (now->ready == before.ready);
}

/* Case 14 */
START_TEST (freezes_queues)
{
  begin (_i);
  /* Before the features are settled. */
  registers_set_status (&guest, ACK);
  check_frozen (0);
  registers_set_status (&guest, ACK | DRIVER);
  check_frozen (0);
  registers_negotiate (&guest, 0);
  registers_queue (&guest, 0, 8);
  check_frozen (0); /* ready */
  registers_set_status (&guest, ALL_BUT_OK | OK);
  check_frozen (0);
  check_frozen (1); /* not ready, but it is too late */
  registers_set_ready (&guest, 0);
  registers_select (&guest, 0);
  registers_set_ready (&guest, 0);
  ck_assert_uint_eq (registers_ready (&guest), 1);
  registers_set_status (&guest, 0);
  check_frozen (0);
  end ();
}
END_TEST

/* Case 15 */
START_TEST (obeys_the_status_table)
{
  static const uint32_t states[] = { 0, ACK, ACK | DRIVER, ALL_BUT_OK, ALL_BUT_OK | OK };
  begin (_i);
  for (unsigned s = 0; s < 5; s++)
    for (uint32_t value = 0; value < 256; value++) {
      registers_set_status (&guest, 0);
      registers_features (&guest, 1, 1);
      for (unsigned i = 1; i <= s; i++)
        registers_set_status (&guest, states[i]);
      ck_assert_uint_eq (registers_status (&guest), states[s]);
      registers_set_status (&guest, value);
      uint32_t now = registers_status (&guest);
      /* Never without those before it, never taken back, never a reserved bit or NEEDS_RESET of the driver's. */
      ck_assert (value == 0 ? now == 0 : (now & states[s]) == states[s]);
      ck_assert (!(now & DRIVER) || (now & ACK));
      ck_assert (!(now & FEATURES) || (now & DRIVER));
      ck_assert (!(now & OK) || (now & FEATURES));
      ck_assert_uint_eq (now & (NEEDS | 0x30), 0);
      ck_assert (driver.device->active == ((now & (OK | VMM_VIRTIO_S_FAILED)) == OK));
    }
  end ();
}
END_TEST

/* Case 16 */
START_TEST (refuses_features)
{
  static const struct {
    uint32_t select, word;
  } words[] = { { 0, 1 }, { 0, 1u << 31 }, { 1, 2 },          { 1, 1u << 31 },
                { 2, 1 }, { 3, 1 },        { 0x80000000, 1 }, { UINT32_MAX, UINT32_MAX } };
  begin (_i);
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
    registers_set_status (&guest, 0);
    registers_set_status (&guest, ACK | DRIVER);
    registers_features (&guest, 1, words[i].select == 1 ? words[i].word | 1 : 1);
    if (words[i].select != 1)
      registers_features (&guest, words[i].select, words[i].word);
    registers_set_status (&guest, ALL_BUT_OK);
    ck_assert_uint_eq (registers_status (&guest), ACK | DRIVER);
    ck_assert_uint_eq (registers_offered (&guest, words[i].select), words[i].select == 0   ? 1u << 5 | 3u << 28
                                                                    : words[i].select == 1 ? 1
                                                                                           : 0);
  }
  registers_set_status (&guest, 0);
  registers_set_status (&guest, ACK | DRIVER | FEATURES); /* without VERSION_1 */
  ck_assert_uint_eq (registers_status (&guest), ACK | DRIVER);
  registers_negotiate (&guest, TOY_FEATURE);
  registers_features (&guest, 0, 0xffffffff);
  ck_assert_uint_eq (driver.device->features, TOY_FEATURE | VMM_VIRTIO_F_VERSION_1);
  end ();
}
END_TEST

/* ---- accesses ---- */

/* Case 17: everywhere, in each width, unaligned too; nothing may happen that is not defined, and nothing is left over. */
START_TEST (survives_any_access)
{
  begin (_i);
  uint64_t end_of = guest.pci ? VMM_VPCI_BAR_SIZE : 0x200;
  static const uint64_t values[] = { 0, UINT64_MAX, 0x1234 };
  for (unsigned v = 0; v < 3; v++)
    for (unsigned len = 1; len <= 8; len *= 2)
      for (uint64_t offset = 0; offset + len <= end_of; offset++) {
        /* Of the large pages of BAR 0 only the beginnings and ends. */
        if (guest.pci && offset % 0x1000 > 0x440 && offset % 0x1000 < 0xff0)
          continue;
        registers_read (&guest, offset, len);
        registers_write (&guest, offset, len, values[v]);
      }
  driver_run (&driver);
  if (guest.pci) {
    registers_close (&guest);
    registers_open (&guest, &driver, true);
  }
  registers_start (&guest, 0);
  echo (0);
  end ();
}
END_TEST

/* Case 18 */
START_TEST (ignores_queues_that_are_not_there)
{
  static const uint32_t queues[] = {
    TOY_QUEUES, VMM_VIRTIO_QUEUES_MAX, VMM_VIRTIO_QUEUES_MAX + 1, 0x7fff, 0xffff, 0x80000000, UINT32_MAX
  };
  begin (_i);
  registers_negotiate (&guest, 0);
  registers_vectors (&guest);
  for (unsigned i = 0; i < sizeof queues / sizeof *queues; i++) {
    uint32_t queue = guest.pci ? queues[i] | 0x8000 : queues[i];
    registers_select (&guest, queue);
    ck_assert_uint_eq (registers_max (&guest), 0);
    ck_assert_uint_eq (registers_ready (&guest), 0);
    registers_set_size (&guest, 8);
    registers_set_ring (&guest, REGISTERS_DESC, data);
    registers_set_ring (&guest, REGISTERS_AVAIL, data + 4096);
    registers_set_ring (&guest, REGISTERS_USED, data + 8192);
    registers_set_ready (&guest, 1);
    ck_assert_uint_eq (registers_ready (&guest), 0);
    registers_set_ready (&guest, 0);
    if (!guest.pci || queue < 0x400)
      registers_notify (&guest, queue);
  }
  for (unsigned q = 0; q < TOY_QUEUES; q++)
    registers_queue (&guest, q, 0);
  registers_set_status (&guest, ALL_BUT_OK | OK);
  for (unsigned i = 0; i < sizeof queues / sizeof *queues; i++)
    registers_notify (&guest, guest.pci ? queues[i] % 1024 : queues[i]);
  driver_run (&driver);
  ck_assert_uint_eq (registers_status (&guest), ALL_BUT_OK | OK);
  echo (1);
  end ();
}
END_TEST

/* Case 19: a ring that is always full again does not keep the loop: one turn is VMM_DRAIN_MAX chains at most. */
START_TEST (lets_others_have_their_turn)
{
  begin (_i);
  registers_start (&guest, 0);
  struct driver_buffer buffer = { data, 16, true };
  for (unsigned round = 0; round < 50; round++) {
    while (driver_used (&driver, 0, NULL, NULL))
      ;
    for (unsigned i = 0; i < TOY_QUEUE_SIZE; i++)
      driver_add (&driver, 0, &buffer, 1);
    for (unsigned i = 0; i < 100; i++)
      registers_notify (&guest, 0);
    ck_assert_int_le (vmm_loop__step (driver.env->loop, 0), 1);
  }
  ck_assert_uint_le (toy->kicked[0], 52);
  end ();
}
END_TEST

/* ---- queues that another process serves ---- */

START_TEST (interrupts_for_another_process)
{
  begin_with (_i, &toy_away_ops);
  registers_start (&guest, 0);
  ck_assert_uint_eq (toy->handed, TOY_QUEUES);
  ck_assert_int_eq (toy->kick_fd, driver.device->kick_fds[TOY_QUEUES - 1]);
  ck_assert_int_ge (toy->call_fd, 0);
  driver_take (toy->kick_fd);
  registers_notify (&guest, TOY_QUEUES - 1);
  driver_run (&driver);
  ck_assert_uint_eq (driver_take (toy->kick_fd), 1);
  /* The other process is done. */
  ck_assert_int_eq ((int) write (toy->call_fd, &(uint64_t){ 1 }, 8), 8);
  driver_run (&driver);
  ck_assert (registers_interrupted (&guest, TOY_QUEUES - 1));
  ck_assert (!registers_interrupted (&guest, TOY_QUEUES - 1));
  /* Too late, after a reset: no interrupt of a device that is not there. */
  int call_fd = dup (toy->call_fd);
  registers_set_status (&guest, 0);
  if (!guest.pci) {
    ck_assert_int_eq ((int) write (call_fd, &(uint64_t){ 1 }, 8), 8);
    driver_run (&driver);
    ck_assert (!registers_interrupted (&guest, TOY_QUEUES - 1));
  }
  close (call_fd);
  end ();
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/transport");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 60);
  tcase_add_loop_test (c, serves_requests, 0, 2);
  tcase_add_loop_test (c, works_again_after_a_reset, 0, 2);
  tcase_add_loop_test (c, tells_of_configuration, 0, 2);
  tcase_add_loop_test (c, answers_hostile_chains, 0, 2);
  tcase_add_loop_test (c, ignores_the_write_flag_of_tables, 0, 2);
  tcase_add_loop_test (c, answers_hostile_indexes, 0, 2);
  tcase_add_loop_test (c, survives_buffers_over_rings, 0, 2);
  tcase_add_loop_test (c, refuses_queues, 0, 2);
  tcase_add_loop_test (c, freezes_queues, 0, 2);
  tcase_add_loop_test (c, obeys_the_status_table, 0, 2);
  tcase_add_loop_test (c, refuses_features, 0, 2);
  tcase_add_loop_test (c, survives_any_access, 0, 2);
  tcase_add_loop_test (c, ignores_queues_that_are_not_there, 0, 2);
  tcase_add_loop_test (c, lets_others_have_their_turn, 0, 2);
  tcase_add_loop_test (c, interrupts_for_another_process, 0, 2);
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
