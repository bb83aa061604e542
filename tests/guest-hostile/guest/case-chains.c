/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-chains: cases 1 to 5, 7, 9 and 10: descriptors and indexes that break the rules of the ring. */
#include "cases.h"

#include "vmm/layout.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static void
plain (struct vdev *d, struct ring *r, unsigned i, uint16_t flags, uint16_t next)
{
  ring_desc (r, i, (uint64_t) buffer + 64 * i, 16, buffer_flag (d) | flags, next);
}

/* ---- 1: circles ---- */

static void
self_loop (struct vdev *d, struct ring *r)
{
  plain (d, r, 0, NEXT, 0);
  ring_offer (r, 0);
}

static void
two_loop (struct vdev *d, struct ring *r)
{
  plain (d, r, 0, NEXT, 1);
  plain (d, r, 1, NEXT, 0);
  ring_offer (r, 0);
}

static void
three_loop (struct vdev *d, struct ring *r)
{
  for (unsigned i = 0; i < 3; i++)
    plain (d, r, i, NEXT, (uint16_t) ((i + 1) % 3));
  ring_offer (r, 1);
}

static void
empty_loop (struct vdev *d, struct ring *r)
{
  ring_desc (r, 0, (uint64_t) buffer, 0, buffer_flag (d) | NEXT, 1);
  ring_desc (r, 1, (uint64_t) buffer, 0, buffer_flag (d) | NEXT, 0);
  ring_offer (r, 0);
}

/* An indirect table in the buffer's second half. */
static struct vmm_ring_desc *
table (void)
{
  return (struct vmm_ring_desc *) (buffer + BUFFER_SIZE / 2);
}

static void
indirect (struct ring *r, uint32_t bytes, uint16_t flags)
{
  ring_desc (r, 0, (uint64_t) table (), bytes, (uint16_t) (INDIRECT | flags), 1);
  ring_offer (r, 0);
}

static void
entry (struct vdev *d, unsigned i, uint16_t flags, uint16_t next)
{
  table ()[i] = (struct vmm_ring_desc){
    .addr = (uint64_t) buffer + 64 * i, .len = 16, .flags = (uint16_t) (buffer_flag (d) | flags), .next = next
  };
}

static void
indirect_loop (struct vdev *d, struct ring *r)
{
  entry (d, 0, NEXT, 1);
  entry (d, 1, NEXT, 0);
  indirect (r, 32, 0);
}

static const struct attack loops[] = {
  { "itself", MAY_NRST, self_loop, 0, 0 },
  { "1->0", MAY_NRST, two_loop, 0, 0 },
  { "circle of three", MAY_NRST, three_loop, 0, 0 },
  { "circle of empty ones", MAY_NRST, empty_loop, 0, 0 },
  { "circle in a table", MAY_NRST, indirect_loop, 0, 0 },
};

/* ---- 2: too long, outside ---- */

static void
long_table (struct vdev *d, struct ring *r)
{
  for (unsigned i = 0; i < RING_SIZE + 1; i++)
    entry (d, i, i < RING_SIZE ? NEXT : 0, (uint16_t) (i + 1));
  indirect (r, 16 * (RING_SIZE + 1), 0);
}

static void
long_with_table (struct vdev *d, struct ring *r)
{
  for (unsigned i = 0; i < RING_SIZE - 1; i++)
    plain (d, r, i, NEXT, (uint16_t) (i + 1));
  for (unsigned i = 0; i < RING_SIZE; i++)
    entry (d, i, i < RING_SIZE - 1 ? NEXT : 0, (uint16_t) (i + 1));
  ring_desc (r, RING_SIZE - 1, (uint64_t) table (), 16 * RING_SIZE, INDIRECT, 0);
  ring_offer (r, 0);
}

static void
next_outside (struct vdev *d, struct ring *r)
{
  plain (d, r, 0, NEXT, r->size);
  ring_offer (r, 0);
}

static void
next_far_outside (struct vdev *d, struct ring *r)
{
  plain (d, r, 0, NEXT, 0xffff);
  ring_offer (r, 0);
}

static void
head_outside (struct vdev *d, struct ring *r)
{
  ring_offer (r, r->size);
}

static void
head_far_outside (struct vdev *d, struct ring *r)
{
  ring_offer (r, 0xffff);
}

static void
table_next_outside (struct vdev *d, struct ring *r)
{
  entry (d, 0, NEXT, 2);
  indirect (r, 32, 0);
}

static const struct attack lengths[] = {
  { "table longer than the queue", MAY_NRST, long_table, 0, 0 },
  { "chain and table longer than the queue", MAY_NRST, long_with_table, 0, 0 },
  { "next = size", MAY_NRST, next_outside, 0, 0 },
  { "next = 65535", MAY_NRST, next_far_outside, 0, 0 },
  { "head = size", MAY_NRST, head_outside, 0, 0 },
  { "head = 65535", MAY_NRST, head_far_outside, 0, 0 },
  { "next outside its table", MAY_NRST, table_next_outside, 0, 0 },
};

/* ---- 3: indirect where it must not be ---- */

static void
table_in_table (struct vdev *d, struct ring *r)
{
  table ()[0] = (struct vmm_ring_desc){ .addr = (uint64_t) table (), .len = 16, .flags = INDIRECT };
  indirect (r, 16, 0);
}

static void
table_and_next (struct vdev *d, struct ring *r)
{
  entry (d, 0, 0, 0);
  plain (d, r, 1, 0, 0);
  indirect (r, 16, NEXT);
}

static void
table_writable (struct vdev *d, struct ring *r)
{
  entry (d, 0, 0, 0);
  indirect (r, 16, WRITE);
}

static void
table_plain (struct vdev *d, struct ring *r)
{
  entry (d, 0, 0, 0);
  indirect (r, 16, 0);
}

static const struct attack indirects[] = {
  { "table in a table", MAY_NRST, table_in_table, 0, 0 },
  { "table and next", MAY_NRST, table_and_next, 0, 0 },
  /* 2.7.5.3.2: the device ignores the write flag; what is in it is no request of some devices. */
  { "table with the write flag", MAY_NRST | MAY_REJECT, table_writable, 0, 0 },
  { "table without the feature", MAY_NRST, table_plain, F_INDIRECT, 0 },
};

/* ---- 4: tables of wrong length and place ---- */

#define TABLE(name, address, bytes)                                                                                    \
  static void name (struct vdev *d, struct ring *r)                                                                    \
  {                                                                                                                    \
    entry (d, 0, 0, 0);                                                                                                \
    ring_desc (r, 0, (address), (bytes), INDIRECT, 0);                                                                 \
    ring_offer (r, 0);                                                                                                 \
  }
TABLE (table_0, (uint64_t) table (), 0)
TABLE (table_15, (uint64_t) table (), 15)
TABLE (table_17, (uint64_t) table (), 17)
TABLE (table_huge, (uint64_t) table (), 0xfffffff0)
TABLE (table_over_end, ram_low_end - 16, 32)
TABLE (table_in_hole, UINT64_C (0xc0000000), 16)
TABLE (table_in_mmio, VMM_LAYOUT_VIRTIO_MMIO, 16)
TABLE (table_in_ecam, VMM_LAYOUT_ECAM, 16)
TABLE (table_at_top, UINT64_MAX - 15, 32)

static const struct attack tables[] = {
  { "table of 0 bytes", MAY_NRST, table_0, 0, 0 },
  { "table of 15 bytes", MAY_NRST, table_15, 0, 0 },
  { "table of 17 bytes", MAY_NRST, table_17, 0, 0 },
  { "table of 2^32-16 bytes", MAY_NRST, table_huge, 0, 0 },
  { "table over RAM's end", MAY_NRST, table_over_end, 0, 0 },
  { "table in the hole", MAY_NRST, table_in_hole, 0, 0 },
  { "table in MMIO", MAY_NRST, table_in_mmio, 0, 0 },
  { "table in ECAM", MAY_NRST, table_in_ecam, 0, 0 },
  { "table at the top", MAY_NRST, table_at_top, 0, 0 },
};

/* ---- 5: sums that wrap, and 7: buffers where none may be ---- */

#define BUFFER(name, address, bytes)                                                                                   \
  static void name (struct vdev *d, struct ring *r)                                                                    \
  {                                                                                                                    \
    ring_desc (r, 0, (address), (bytes), buffer_flag (d), 0);                                                          \
    ring_offer (r, 0);                                                                                                 \
  }
BUFFER (wraps_by_one, UINT64_MAX, 2)
BUFFER (wraps, UINT64_MAX - 15, 4096)
BUFFER (huge_length, (uint64_t) buffer, 0xffffffff)
BUFFER (from_high, UINT64_C (1) << 63, 16)

/* 128 pieces of half of RAM: more than 4 GiB together, each of them there. */
static void
sum_wraps (struct vdev *d, struct ring *r)
{
  unsigned n = r->size;
  uint64_t each = (UINT64_C (1) << 32) / n;
  for (unsigned i = 0; i < n; i++)
    ring_desc (r, i, 0, (uint32_t) (each < ram_low_end ? each : ram_low_end), buffer_flag (d) | (i + 1 < n ? NEXT : 0),
               (uint16_t) (i + 1));
  ring_offer (r, 0);
}

/* Writable for all, so that a byte touched would show. */
static void
wraps_writable (struct vdev *d, struct ring *r)
{
  memset (buffer, 0x5a, 64);
  ring_desc (r, 0, (uint64_t) buffer, 64, WRITE | NEXT, 1);
  ring_desc (r, 1, UINT64_MAX - 7, 64, WRITE, 0);
  ring_offer (r, 0);
}

static const struct attack sums[] = {
  { "address + 2 wraps", MAY_NRST, wraps_by_one, 0, 0 },
  { "address + 4096 wraps", MAY_NRST, wraps, 0, 0 },
  { "2^32-1 bytes", MAY_NRST, huge_length, 0, 0 },
  { "address 2^63", MAY_NRST, from_high, 0, 0 },
  { "writable chain that wraps", MAY_NRST, wraps_writable, 0, 0 },
};
static const struct attack sum_of_many[] = { { "sum of 2^32", MAY_NRST, sum_wraps, 0, 128 } };

static uint64_t
own_registers (const struct vdev *d)
{
  return d->base;
}

BUFFER (in_own_registers, own_registers (d), 16)
BUFFER (in_other_registers, vdevs[0].base, 16)
BUFFER (in_lapic, VMM_LAYOUT_LAPIC, 16)
BUFFER (in_ioapic, VMM_LAYOUT_IOAPIC, 16)
BUFFER (in_ecam, VMM_LAYOUT_ECAM, 16)
BUFFER (in_power, VMM_LAYOUT_POWER, 16)
BUFFER (in_own_table, (uint64_t) r->desc, 64)
BUFFER (in_own_avail, (uint64_t) r->avail, 16)
BUFFER (in_own_used, (uint64_t) r->used, 64)

static void
writes_own_rings (struct vdev *d, struct ring *r)
{
  ring_desc (r, 0, (uint64_t) r->desc, 32, WRITE | NEXT, 1);
  ring_desc (r, 1, (uint64_t) r->avail, 32, WRITE | NEXT, 2);
  ring_desc (r, 2, (uint64_t) r->used, 64, WRITE, 0);
  ring_offer (r, 0);
}

static void
in_others_ring (struct vdev *d, struct ring *r)
{
  struct vdev *rng = vdev_of (ID_RNG, 0);
  ring_desc (r, 0, (uint64_t) (rng != NULL && rng->rings[0].size != 0 ? rng->rings[0].desc : r->desc), 64,
             buffer_flag (d), 0);
  ring_offer (r, 0);
}

#define HARMLESS (MAY_NRST | MAY_REJECT | MAY_IGNORE)
static const struct attack places[] = {
  { "own registers", MAY_NRST, in_own_registers, 0, 0 },
  { "another's registers", MAY_NRST, in_other_registers, 0, 0 },
  { "local APIC", MAY_NRST, in_lapic, 0, 0 },
  { "I/O APIC", MAY_NRST, in_ioapic, 0, 0 },
  { "configuration space", MAY_NRST, in_ecam, 0, 0 },
  { "power registers", MAY_NRST, in_power, 0, 0 },
  { "own descriptors", HARMLESS, in_own_table, 0, 0 },
  { "own available ring", HARMLESS, in_own_avail, 0, 0 },
  { "own used ring", HARMLESS, in_own_used, 0, 0 },
  { "own rings, written", HARMLESS, writes_own_rings, 0, 0 },
  { "another's ring", HARMLESS, in_others_ring, 0, 0 },
};

/* ---- 9: indexes; 10: the same head twice ---- */

#define INDEX(name, value)                                                                                             \
  static void name (struct vdev *d, struct ring *r)                                                                    \
  {                                                                                                                    \
    plain (d, r, 0, 0, 0);                                                                                             \
    r->avail[2] = 0;                                                                                                   \
    r->avail[1] = (uint16_t) (value);                                                                                  \
  }
INDEX (index_over, r->size + 1)
INDEX (index_half, 0x8000)
INDEX (index_back, -1)
INDEX (index_back_far, -(int) r->size)

static const struct attack indexes[] = {
  { "index jumps by size + 1", MAY_NRST, index_over, 0, 0 },
  { "index jumps by 32768", MAY_NRST, index_half, 0, 0 },
  { "index goes back by 1", MAY_NRST, index_back, 0, 0 },
  { "index goes back by size", MAY_NRST, index_back_far, 0, 0 },
};

static void
twice (struct vdev *d, struct ring *r)
{
  plain (d, r, 0, 0, 0);
  ring_offer (r, 0);
  ring_offer (r, 0);
}

static void
full_of_one (struct vdev *d, struct ring *r)
{
  plain (d, r, 0, 0, 0);
  for (unsigned i = 0; i < r->size; i++)
    ring_offer (r, 0);
}

/* A device that is done with the first before it looks at the second sees no fault; one that is not must. */
static const struct attack heads[] = {
  { "same head twice", HARMLESS, twice, 0, 0 },
  { "ring full of one head", HARMLESS, full_of_one, 0, 0 },
};

/* Of a disk, many of them at once: the first is still being read. */
static void
disk_twice (struct vdev *d, struct ring *r)
{
  struct blk_header *header = (void *) answer;
  *header = (struct blk_header){ .type = BLK_IN };
  const struct piece pieces[] = { { header, 16, false }, { buffer, 32768, true }, { answer + 64, 1, true } };
  ring_chain (r, 0, pieces, 3);
  for (unsigned i = 1; i < r->size; i++)
    ring_offer (r, 0);
}

static const struct attack disk_heads[] = { { "same read many times", MAY_NRST | MAY_REJECT, disk_twice, 0, 0 } };

static void
disks_twice (unsigned number)
{
  for (unsigned nth = 0; nth < 2; nth++) {
    struct vdev *d = vdev_of (ID_BLK, nth);
    if (d == NULL)
      continue;
    report_begin (number, nth == 0 ? "blk async" : "blk-ro async");
    for (unsigned i = 0; i < 10; i++)
      attack_run (d, 0, &disk_heads[0]);
    report_end ();
  }
}

/* Queues of 128 and more. */
static void
sums_of_many (unsigned number)
{
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    if (d->id != ID_BLK && d->id != ID_VSOCK && d->id != ID_NET && d->id != ID_BALLOON)
      continue;
    report_begin (number, vdev_name (d));
    attack_run (d, main_queue (d), &sum_of_many[0]);
    report_end ();
  }
}

void
case_chains (unsigned number)
{
  switch (number) {
  case 1:
    attack_all (number, loops, COUNT (loops));
    break;
  case 2:
    attack_all (number, lengths, COUNT (lengths));
    break;
  case 3:
    attack_all (number, indirects, COUNT (indirects));
    break;
  case 4:
    attack_all (number, tables, COUNT (tables));
    break;
  case 5:
    attack_all (number, sums, COUNT (sums));
    sums_of_many (number);
    break;
  case 7:
    attack_all (number, places, COUNT (places));
    break;
  case 9:
    attack_all (number, indexes, COUNT (indexes));
    break;
  default:
    attack_all (number, heads, COUNT (heads));
    disks_twice (number);
    break;
  }
}
