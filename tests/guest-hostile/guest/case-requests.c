/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-requests: cases 6, 8, the wrap of 9, and 20: buffers at the edges of RAM, requests with parts missing, requests that a reset overtakes. */
#include "cases.h"

#include "vmm/layout.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define ANSWERED     (MAY_NRST | MAY_REJECT)
#define HIGH         UINT64_C (0x100000000)

/* ---- 6 ---- */

#define EDGE(name, address, bytes)                                                                                     \
  static void name (struct vdev *d, struct ring *r)                                                                    \
  {                                                                                                                    \
    ring_desc (r, 0, (address), (bytes), buffer_flag (d), 0);                                                          \
    ring_offer (r, 0);                                                                                                 \
  }
EDGE (last_byte_and_one, ram_low_end - 1, 2)
EDGE (first_not_ram, ram_low_end, 1)
EDGE (last_bytes, ram_low_end - 16, 16)
EDGE (all_but_end, ram_low_end - 4096, 4097)
EDGE (before_high, HIGH - 8, 16)
EDGE (high_last_and_one, ram_high_end - 1, 2)
EDGE (over_the_hole, ram_low_end - 8, (uint32_t) (HIGH - ram_low_end) + 16)

static const struct attack edges[] = {
  { "RAM's last byte and one", MAY_NRST, last_byte_and_one, 0, 0 },
  { "first byte behind RAM", MAY_NRST, first_not_ram, 0, 0 },
  { "RAM's last 16 bytes", ANSWERED, last_bytes, 0, 0 },
  { "last page and one byte", MAY_NRST, all_but_end, 0, 0 },
};
static const struct attack high_edges[] = {
  { "the hole's last bytes and RAM", MAY_NRST, before_high, 0, 0 },
  { "high RAM's last byte and one", MAY_NRST, high_last_and_one, 0, 0 },
  { "over the whole hole", MAY_NRST, over_the_hole, 0, 0 },
};

/* Memory of a pmem device is the guest's, but none that a device may use. */
static void
in_pmem (struct vdev *d, struct ring *r)
{
  struct vdev *pmem = vdev_of (ID_PMEM, 0);
  uint64_t start = pmem != NULL ? get32 (pmem->config) | (uint64_t) get32 (pmem->config + 4) << 32 : ram_low_end;
  ring_desc (r, 0, start, 16, buffer_flag (d), 0);
  ring_offer (r, 0);
}

static const struct attack pmem_edges[] = { { "persistent memory", MAY_NRST, in_pmem, 0, 0 } };

/* Entropy into the last bytes of low RAM and the first of high RAM: each gets its own. */
static void
split_over_hole (unsigned number)
{
  struct vdev *d = vdev_of (ID_RNG, 0);
  uint64_t low = ram_low_end - 32, high = ram_high_base;
  if (d == NULL)
    return;
  map_gigabyte (high);
  report_begin (number, "rng over the hole");
  memset ((void *) low, 0, 32);
  memset ((void *) high, 0, 64);
  vdev_start (d, RING_SIZE);
  const struct piece pieces[] = { { (void *) low, 32, true }, { (void *) high, 32, true } };
  ring_chain (&d->rings[0], 0, pieces, 2);
  v_notify (d, 0);
  uint32_t len = 0;
  bool good = vdev_await (d, 0, PATIENCE_MS) == USED && ring_take (&d->rings[0], NULL, &len) && len == 64;
  bool low_filled = get64 (low) != 0 || get64 (low + 24) != 0, high_filled = get64 (high) != 0;
  report_check ("both sides of the hole", good && low_filled && high_filled && get64 (high + 32) == 0, MAY_REJECT);
  report_end ();
}

void
case_edges (unsigned number)
{
  attack_all (number, edges, COUNT (edges));
  attack_all (number, pmem_edges, COUNT (pmem_edges));
  if (ram_high_end == 0)
    return;
  attack_all (number, high_edges, COUNT (high_edges));
  split_over_hole (number);
}

/* ---- 8 ---- */

static void
pieces_of (struct ring *r, const uint32_t *lens, const uint16_t *flags, unsigned n)
{
  memset (answer, 0, 128);
  for (unsigned i = 0; i < n; i++)
    ring_desc (r, i, (uint64_t) answer + 64 * i, lens[i], (uint16_t) (flags[i] | (i + 1 < n ? NEXT : 0)),
               (uint16_t) (i + 1));
  ring_offer (r, 0);
}

#define PIECES(name, n, l0, f0, l1, f1, l2, f2)                                                                        \
  static void name (struct vdev *d, struct ring *r)                                                                    \
  {                                                                                                                    \
    const uint32_t lens[] = { l0, l1, l2 };                                                                            \
    const uint16_t flags[] = { f0, f1, f2 };                                                                           \
    pieces_of (r, lens, flags, n);                                                                                     \
  }
PIECES (nothing, 1, 0, 0, 0, 0, 0, 0)
PIECES (nothing_writable, 1, 0, WRITE, 0, 0, 0, 0)
PIECES (three_nothings, 3, 0, 0, 0, WRITE, 0, WRITE)
PIECES (one_byte, 1, 1, 0, 0, 0, 0, 0)
PIECES (one_writable, 1, 1, WRITE, 0, 0, 0, 0)
PIECES (header_only, 1, 16, 0, 0, 0, 0, 0)
PIECES (no_header, 2, 0, 0, 1, WRITE, 0, 0)
PIECES (no_status, 3, 16, 0, 512, WRITE, 0, WRITE)
PIECES (status_readable, 3, 16, 0, 512, 0, 1, 0)
PIECES (status_is_data, 2, 16, 0, 512, WRITE, 0, 0)
PIECES (short_header, 2, 15, 0, 1, WRITE, 0, 0)
PIECES (status_only, 1, 1, WRITE, 0, 0, 0, 0)
PIECES (writable_first, 3, 1, WRITE, 16, 0, 1, WRITE)
PIECES (split_header, 3, 8, 0, 8, 0, 1, WRITE)
PIECES (data_empty, 3, 16, 0, 0, WRITE, 1, WRITE)

static const struct attack empties[] = {
  { "no byte at all", ANSWERED, nothing, 0, 0 },
  { "no byte, writable", ANSWERED, nothing_writable, 0, 0 },
  { "three times nothing", ANSWERED, three_nothings, 0, 0 },
  { "one byte to read", ANSWERED, one_byte, 0, 0 },
  { "one byte to write", ANSWERED, one_writable, 0, 0 },
  { "a header only", ANSWERED, header_only, 0, 0 },
  { "writable before readable", ANSWERED, writable_first, 0, 0 },
};
static const struct attack disk_empties[] = {
  { "no header", ANSWERED, no_header, 0, 0 },
  { "no status byte", ANSWERED, no_status, 0, 0 },
  { "status is read-only", ANSWERED, status_readable, 0, 0 },
  { "status is the data's end", ANSWERED, status_is_data, 0, 0 },
  { "a header of 15 bytes", ANSWERED, short_header, 0, 0 },
  { "a status only", ANSWERED, status_only, 0, 0 },
  { "a header in two pieces", MAY_REJECT, split_header, 0, 0 },
  { "data of no bytes", MAY_REJECT, data_empty, 0, 0 },
};

void
case_empty (unsigned number)
{
  attack_all (number, empties, COUNT (empties));
  for (unsigned nth = 0; nth < 2; nth++) {
    struct vdev *d = vdev_of (ID_BLK, nth);
    if (d == NULL)
      continue;
    report_begin (number, vdev_name (d));
    for (unsigned i = 0; i < COUNT (disk_empties); i++)
      attack_run (d, 0, &disk_empties[i]);
    report_end ();
  }
}

/* ---- 9: once around 65536 ---- */

void
case_wrap (unsigned number)
{
  struct vdev *d = vdev_of (ID_RNG, 0);
  uint32_t total = (uint32_t) option ("wrap", 66000), done = 0;
  if (d == NULL)
    return;
  report_begin (number, "rng around the index");
  vdev_start (d, 64);
  struct ring *r = &d->rings[0];
  for (unsigned i = 0; i < r->size; i++)
    ring_desc (r, i, (uint64_t) buffer + i, 1, WRITE, 0);
  bool good = true;
  while (good && done < total) {
    for (uint16_t i = 0; i < r->size; i++)
      ring_offer (r, i);
    v_notify (d, 0);
    for (unsigned i = 0; good && i < r->size; i++) {
      good = vdev_await (d, 0, PATIENCE_MS) == USED && ring_take (r, NULL, NULL);
      done++;
    }
    if (done % 4096 == 0)
      report_alive ();
  }
  report_check ("66000 requests", good && r->avail[1] == ring_used_index (r), MAY_REJECT);
  report_end ();
}

/* ---- 20 ---- */

#define FLIGHTS 256

struct flight {
  struct vmm_ring_desc table[3];
  struct blk_header header;
};

/* As many reads as the ring has heads, each an indirect table. */
static void
fill_with_reads (struct ring *r, struct flight *flights)
{
  for (unsigned i = 0; i < r->size; i++) {
    struct flight *f = &flights[i];
    f->header = (struct blk_header){ .type = BLK_IN, .sector = i * 8 % 2040 };
    f->table[0] =
        (struct vmm_ring_desc){ .addr = (uint64_t) &f->header, .len = sizeof f->header, .flags = NEXT, .next = 1 };
    f->table[1] = (struct vmm_ring_desc){
      .addr = (uint64_t) buffer + i % 15 * 4096, .len = 4096, .flags = NEXT | WRITE, .next = 2
    };
    f->table[2] = (struct vmm_ring_desc){ .addr = (uint64_t) answer + i, .len = 1, .flags = WRITE };
    ring_desc (r, i, (uint64_t) f->table, sizeof f->table, INDIRECT, 0);
    ring_offer (r, (uint16_t) i);
  }
}

static bool
stays (uint8_t byte, uint32_t us)
{
  memset (buffer, byte, BUFFER_SIZE);
  wait_us (us);
  for (unsigned i = 0; i < BUFFER_SIZE; i += 64)
    if (buffer[i] != byte)
      return false;
  return true;
}

void
case_in_flight (unsigned number)
{
  static struct flight *flights;
  if (flights == NULL)
    flights = take (FLIGHTS * sizeof *flights, 4096);
  for (unsigned nth = 0; nth < 2; nth++) {
    struct vdev *d = vdev_of (ID_BLK, nth);
    if (d == NULL)
      continue;
    report_begin (number, vdev_name (d));
    for (unsigned round = 0; round < 20; round++) {
      vdev_start (d, FLIGHTS);
      fill_with_reads (&d->rings[0], flights);
      v_notify (d, 0);
      wait_us (random32 () % 1000);
      uint64_t start = now_us ();
      vdev_reset (d);
      report_check ("reset with 256 reads in flight", now_us () - start < second_us (), MAY_REJECT);
      report_check ("memory after the reset", stays ((uint8_t) (0xa0 + round), 3000), MAY_REJECT);
    }
    report_wrong ("after 20 resets", revive (d));
    report_end ();
  }
}
