/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every table of four descriptors out of an alphabet of twenty, each head of it, against a second reading of virtio 1.2, 2.7: 640,000 chains. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/queue.h"
#include "vmm/virtio/ring.h"

#define SIZE    4u
#define LETTERS 20u
#define DESC    UINT64_C (0x1000)
#define AVAIL   UINT64_C (0x2000)
#define USED    UINT64_C (0x3000)
#define DATA    UINT64_C (0x4000)
#define GOOD    UINT64_C (0x5000) /* indirect tables */
#define TURNED  UINT64_C (0x5100)
#define NESTED  UINT64_C (0x5200)

#define NEXT     VMM_RING_DESC_NEXT
#define WRITE    VMM_RING_DESC_WRITE
#define INDIRECT VMM_RING_DESC_INDIRECT

static const struct vmm_ring_desc alphabet[LETTERS] = {
  { DATA, 16, 0, 0 },
  { DATA, 32, WRITE, 0 },
  { DATA, 1, NEXT, 0 },
  { DATA, 2, NEXT, 1 },
  { DATA, 3, NEXT, 2 },
  { DATA, 4, NEXT, 3 },
  { DATA, 5, NEXT, SIZE },
  { DATA, 6, NEXT | WRITE, 1 },
  { DATA, 7, NEXT | WRITE, 2 },
  { DATA, 8, NEXT | WRITE, 3 },
  { DATA, 0, 0, 0 },
  { DATA, 0, NEXT, 1 },
  { DATA, 0, NEXT | WRITE, 2 },
  { VMM_RAM_MIN - 1, 2, 0, 0 },
  { DATA, UINT32_MAX, WRITE, 0 },
  { GOOD, 32, INDIRECT, 0 },
  { GOOD, 32, INDIRECT | NEXT, 1 },
  { TURNED, 32, INDIRECT | WRITE, 0 },
  { NESTED, 16, INDIRECT, 0 },
  { GOOD, 15, INDIRECT, 0 },
};
static const struct vmm_ring_desc good[2] = { { DATA, 100, NEXT, 1 }, { DATA, 200, WRITE, 0 } };
static const struct vmm_ring_desc turned[2] = { { DATA, 100, NEXT | WRITE, 1 }, { DATA, 200, 0, 0 } };
static const struct vmm_ring_desc nested[1] = { { GOOD, 32, INDIRECT, 0 } };

/* What a reader of the specification would say: false = the driver broke a rule. */
struct verdict {
  bool good;
  unsigned n, n_read, n_write;
  uint64_t read_len, write_len;
  struct vmm_ring_desc list[2 * SIZE];
};

/* The buffers in their order; a descriptor that comes a second time means a circle. */
static bool
flatten (struct verdict *verdict, const struct vmm_ring_desc *table, unsigned entries, unsigned at, bool inner)
{
  unsigned seen = 0;
  for (;;) {
    if (at >= entries || (seen & 1u << at) != 0)
      return false;
    seen |= 1u << at;
    const struct vmm_ring_desc *desc = &table[at];
    if ((desc->flags & INDIRECT) != 0) {
      if (inner || (desc->flags & NEXT) != 0 || desc->len == 0 || desc->len % 16 != 0)
        return false;
      const struct vmm_ring_desc *to = desc->addr == GOOD ? good : desc->addr == TURNED ? turned : nested;
      return flatten (verdict, to, desc->len / 16, 0, true);
    }
    verdict->list[verdict->n++] = *desc;
    if ((desc->flags & NEXT) == 0)
      return true;
    at = desc->next;
  }
}

static struct verdict
judge (const struct vmm_ring_desc *table, unsigned head)
{
  struct verdict verdict = { 0 };
  verdict.good = flatten (&verdict, table, SIZE, head, false) && verdict.n <= SIZE;
  for (unsigned i = 0; i < verdict.n && verdict.good; i++) {
    const struct vmm_ring_desc *desc = &verdict.list[i];
    bool write = (desc->flags & WRITE) != 0;
    if (i > 0 && !write && (verdict.list[i - 1].flags & WRITE) != 0)
      verdict.good = false;
    if (desc->len > 0 && desc->addr + desc->len > VMM_RAM_MIN)
      verdict.good = false;
    *(write ? &verdict.n_write : &verdict.n_read) += desc->len > 0;
    *(write ? &verdict.write_len : &verdict.read_len) += desc->len;
  }
  verdict.good = verdict.good && verdict.read_len + verdict.write_len > 0;
  return verdict;
}

static void
offer (const struct vmm_memory *memory, struct vmm_queue *queue, uint16_t head)
{
  uint16_t avail[3] = { 0, 1, head };
  ck_assert (vmm_memory__write (memory, AVAIL, avail, sizeof avail));
  vmm_queue__reset (queue);
  queue->size = SIZE;
  queue->desc = DESC;
  queue->avail = AVAIL;
  queue->used = USED;
  if (!vmm_queue__enable (queue, memory, false, true))
    ck_abort ();
}

/* Returns whether it was a chain. */
static bool
compare (const struct vmm_memory *memory, struct vmm_queue *queue, const struct vmm_ring_desc *table, uint16_t head)
{
  static struct vmm_chain chain;
  struct verdict verdict = judge (table, head);
  offer (memory, queue, head);
  enum vmm_pop got = vmm_queue__pop (queue, memory, &chain);
  bool same = got == (verdict.good ? VMM_POP_CHAIN : VMM_POP_BROKEN);
  if (same && verdict.good)
    same = chain.n_read == verdict.n_read && chain.n_write == verdict.n_write && chain.read_len == verdict.read_len &&
           chain.write_len == verdict.write_len && chain.head == head;
  if (!same)
    ck_abort_msg ("head %u of {%u,%x,%u} {%u,%x,%u} {%u,%x,%u} {%u,%x,%u}: %d %s, not %d", head, table[0].len,
                  table[0].flags, table[0].next, table[1].len, table[1].flags, table[1].next, table[2].len,
                  table[2].flags, table[2].next, table[3].len, table[3].flags, table[3].next, got,
                  queue->why != NULL ? queue->why : "", verdict.good);
  return verdict.good;
}

START_TEST (all_tables)
{
  struct vmm_memory memory;
  struct vmm_queue queue;
  unsigned chains = 0, broken = 0;
  ck_assert_int_eq (vmm_memory__open (&memory, VMM_RAM_MIN, 0, NULL), 0);
  ck_assert (vmm_memory__write (&memory, GOOD, good, sizeof good));
  ck_assert (vmm_memory__write (&memory, TURNED, turned, sizeof turned));
  ck_assert (vmm_memory__write (&memory, NESTED, nested, sizeof nested));
  vmm_queue__init (&queue, SIZE);
  for (unsigned n = 0; n < LETTERS * LETTERS * LETTERS * LETTERS; n++) {
    struct vmm_ring_desc table[SIZE];
    for (unsigned i = 0, left = n; i < SIZE; i++, left /= LETTERS)
      table[i] = alphabet[left % LETTERS];
    if (!vmm_memory__write (&memory, DESC, table, sizeof table))
      ck_abort ();
    for (uint16_t head = 0; head < SIZE; head++)
      *(compare (&memory, &queue, table, head) ? &chains : &broken) += 1;
  }
  /* Both outcomes were really seen. */
  ck_assert_uint_eq (chains + broken, 4 * 160000);
  ck_assert_uint_gt (chains, 100000);
  ck_assert_uint_gt (broken, 100000);
  vmm_memory__close (&memory);
}
END_TEST

int
main (void)
{
  Suite *s = suite_create ("vmm/virtio/queue-all");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 120);
  tcase_add_test (c, all_tables);
  suite_add_tcase (s, c);
  SRunner *runner = srunner_create (s);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
