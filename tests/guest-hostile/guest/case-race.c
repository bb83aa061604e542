/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-race: cases 11 and 19: a second CPU that rewrites what the device reads, and one that never lets it come to an end. */
#include "cases.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define ARENA        (192u * 1024)

static const uint32_t raced[] = { ID_BLK, ID_VSOCK, ID_RNG, ID_CONSOLE, ID_NET, ID_BALLOON, ID_PMEM };

/* ---- 11 ---- */

struct race {
  struct vdev *d;
  struct ring *r;
  uint8_t *arena;
};

static uint32_t
quick_random (uint32_t *state)
{
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

/* Whatever is combined: either it lies in the arena, or it is no RAM. Mostly the first, so that much gets through to the device itself. */
static uint64_t
some_address (const struct race *race, uint32_t x)
{
  if (x % 64 < 2)
    return x % 64 == 0 ? UINT64_MAX - 15 : UINT64_C (0xd0000000);
  return (uint64_t) race->arena + (x >> 6) % 65536;
}

static uint32_t
some_length (uint32_t x)
{
  static const uint32_t lengths[] = { 1, 16, 44, 512, 513, 4096, 65536, 131072, 0 };
  return x % 64 == 0 ? 0xfffffff0 + x / 64 % 16 : lengths[x / 64 % COUNT (lengths)];
}

/* Sectors that a write may hit are scratch, or not there; the same for the length of a vsock packet, which lies elsewhere. */
static void
race_header (struct race *race, uint32_t x)
{
  static const uint64_t sectors[] = { 1024, 1500, 2047, 2048, UINT64_C (1) << 55, UINT64_MAX };
  volatile struct blk_header *blk = (volatile void *) race->arena;
  volatile struct vsock_header *vsock = (volatile void *) race->arena;
  if (race->d->id == ID_BLK) {
    blk->type = x % 16 < 13 ? x % 2 : x % 11 < 9 ? x % 11 : 0xffffffff;
    blk->sector = sectors[(x >> 4) % COUNT (sectors)];
  } else if (race->d->id == ID_VSOCK) {
    vsock->len = some_length (x);
    vsock->op = (uint16_t) (x % 9);
    vsock->src_cid = x % 16 == 0 ? 7 : GUEST_CID;
  }
}

static void
rewrite (volatile bool *stop, void *ctx)
{
  struct race *race = ctx;
  uint32_t state = (uint32_t) tsc ();
  while (!*stop) {
    struct ring *r = race->r;
    uint32_t i = quick_random (&state) % RING_SIZE, x = quick_random (&state);
    switch (x % 8) {
    case 0:
      r->desc[i].addr = some_address (race, quick_random (&state));
      break;
    case 1:
      r->desc[i].len = some_length (quick_random (&state));
      break;
    case 2:
      x = quick_random (&state);
      r->desc[i].flags = (uint16_t) (x % 64 == 0 ? x / 64 % 8 : i % 3 == 0 ? NEXT | buffer_flag (race->d) : x / 64 % 4);
      break;
    case 3:
      x = quick_random (&state);
      r->desc[i].next = (uint16_t) (x % 64 == 0 ? x / 64 % (RING_SIZE + 1) : i % 3 == 2 ? i : i + 1);
      break;
    case 4:
      x = quick_random (&state);
      if (x % 64 == 0)
        r->avail[2 + i] = (uint16_t) (x / 64 % (RING_SIZE + 1));
      break;
    default:
      race_header (race, quick_random (&state));
      break;
    }
    if (x % 512 == 0)
      relax ();
  }
}

/* A request that would be good for most devices: header, data, status. */
static void
lay_out (struct race *race)
{
  struct vdev *d = race->d;
  for (unsigned i = 0; i + 2 < RING_SIZE; i += 3) {
    ring_desc (race->r, i, (uint64_t) race->arena, 44, NEXT | buffer_flag (d), (uint16_t) (i + 1));
    ring_desc (race->r, i + 1, (uint64_t) race->arena + 4096, 512, NEXT | WRITE, (uint16_t) (i + 2));
    ring_desc (race->r, i + 2, (uint64_t) race->arena + 64, 4, WRITE, 0);
  }
  if (d->id == ID_VSOCK)
    *(struct vsock_header *) race->arena = (struct vsock_header){
      .src_cid = GUEST_CID, .dst_cid = 2, .src_port = 5, .dst_port = 6, .type = 1, .op = OP_RW
    };
}

static void
race_once (struct race *race, unsigned *resets, unsigned *answers)
{
  struct vdev *d = race->d;
  /* A balloon must not be told of pages in use: all ones is no page. */
  memset (race->arena, 0xff, ARENA);
  vdev_start (d, RING_SIZE);
  race->r = &d->rings[main_queue (d)];
  lay_out (race);
  if (!start_other (rewrite, race))
    return;
  uint64_t until = now_us () + 250000;
  while (now_us () < until) {
    for (uint16_t head = 0; head + 2 < RING_SIZE; head += 3)
      ring_offer (race->r, head);
    v_notify (d, main_queue (d));
    for (uint64_t end = now_us () + 5000; now_us () < end && race->r->seen != race->r->avail[1];)
      if (ring_take (race->r, NULL, NULL))
        (*answers)++;
    if ((v_status (d) & S_NEEDS_RESET) != 0) {
      (*resets)++;
      break;
    }
  }
  stop_other ();
}

void
case_race (unsigned number)
{
  static struct race race;
  uint64_t ms = option ("race", 2500);
  if (race.arena == NULL)
    race.arena = take (ARENA, 4096);
  for (unsigned i = 0; i < n_vdevs; i++) {
    unsigned resets = 0, answers = 0;
    bool wanted = false;
    for (unsigned j = 0; j < COUNT (raced); j++)
      wanted |= raced[j] == vdevs[i].id;
    if (!wanted || option ("cpus", 1) < 2)
      continue;
    race.d = &vdevs[i];
    report_begin (number, vdev_name (race.d));
    uint64_t end = now_us () + ms * 1000;
    while (now_us () < end) {
      race_once (&race, &resets, &answers);
      report_alive ();
    }
    for (unsigned j = 0; j < resets; j++)
      report ("rewritten under way", MAY_NRST, MAY_NRST);
    for (unsigned j = 0; j < answers; j++)
      report ("rewritten under way", MAY_REJECT, MAY_REJECT);
    report_wrong ("the race", resets + answers > 0 ? "" : "the device did nothing at all");
    report_wrong ("after the race", others_live (race.d));
    report_wrong ("after the race", revive (race.d));
    report_end ();
  }
}

/* ---- 19 ---- */

struct storm {
  struct vdev *d;
  uint8_t *arena;
  unsigned queue;
  bool refill;
};

/* The available index runs on as fast as the used one: the ring is never empty. */
static void
never_end (volatile bool *stop, void *ctx)
{
  struct storm *storm = ctx;
  struct ring *r = &storm->d->rings[storm->queue];
  while (!*stop) {
    if (storm->refill)
      r->avail[1] = (uint16_t) (ring_used_index (r) + r->size);
    v_notify (storm->d, storm->queue);
  }
}

static void
arm (struct storm *storm)
{
  struct ring *r = &storm->d->rings[storm->queue];
  const struct vsock_header h = {
    .src_cid = GUEST_CID, .dst_cid = 2, .src_port = 5, .dst_port = 6, .type = 1, .op = 3
  };
  uint8_t *own = storm->arena;
  memset (own, 0xff, 65536); /* should a balloon read it: no pages */
  *(struct blk_header *) own = (struct blk_header){ .type = BLK_ID };
  memcpy (own + 64, &h, sizeof h);
  for (unsigned i = 0; i < r->size; i++) {
    r->avail[2 + i] = (uint16_t) i;
    if (storm->d->id == ID_BLK) {
      /* A read of the name: an indirect chain, so that each head is a request. */
      struct vmm_ring_desc *table = (struct vmm_ring_desc *) (own + 32768 + i * 64);
      table[0] = (struct vmm_ring_desc){ .addr = (uint64_t) own, .len = 16, .flags = NEXT, .next = 1 };
      table[1] = (struct vmm_ring_desc){ .addr = (uint64_t) own + 8192 + i * 32, .len = 21, .flags = WRITE };
      ring_desc (r, i, (uint64_t) table, 32, INDIRECT, 0);
    } else if (storm->d->id == ID_VSOCK)
      ring_desc (r, i, (uint64_t) own + 64, sizeof h, 0, 0);
    else
      ring_desc (r, i, (uint64_t) own + 1024, 64, buffer_flag (storm->d), 0);
  }
}

static void
storm_on (struct storm *storm, const char *what)
{
  uint64_t worst = 0, us = option ("storm", 1000) * 1000, end;
  if (!start_other (never_end, storm))
    return;
  for (end = now_us () + us; now_us () < end;) {
    uint64_t start = now_us ();
    report_wrong (what, others_live (storm->d));
    uint64_t took = now_us () - start;
    worst = took > worst ? took : worst;
    report_alive ();
  }
  stop_other ();
  report_check ("another device answers within a second", worst < second_us (), MAY_REJECT);
  report_wrong (what, revive (storm->d));
}

void
case_storm (unsigned number)
{
  static struct storm storm;
  static uint8_t *arena;
  if (option ("cpus", 1) < 2)
    return;
  if (arena == NULL)
    arena = take (65536, 4096);
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    if (d->id == ID_FS)
      continue;
    storm = (struct storm){ .d = d, .arena = arena, .queue = main_queue (d) };
    report_begin (number, vdev_name (d));
    vdev_start (d, RING_SIZE);
    storm_on (&storm, "notify storm");
    if (d->id != ID_PMEM) { /* each of its requests is an fsync */
      vdev_start (d, RING_SIZE);
      storm.refill = true;
      arm (&storm);
      storm_on (&storm, "endless ring");
    }
    report_end ();
  }
}
