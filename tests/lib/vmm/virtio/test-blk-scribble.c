/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk: random writes and reads, many in flight, compared with a copy in memory; KATA_TEST_SCRIBBLE_MIB says how much (default 64). */
#include "disk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS  32u /* each at work in a part of the image of its own: what is written last is then known */
#define PART   (2u << 20)
#define LENGTH (128u * 1024)

struct slot {
  vmm_gpa header, data, status;
  uint16_t head;
  bool busy, reading;
  uint32_t offset, len; /* in its part */
};

struct scribble {
  struct disk disk;
  uint8_t *copy; /* what the image should be */
  struct slot slots[SLOTS];
  uint64_t seed, written;
  unsigned queues;
};

static uint32_t
chance (struct scribble *s)
{
  s->seed = s->seed * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
  return (uint32_t) (s->seed >> 33);
}

/* The driver's descriptors are taken in a circle: with indirect tables of one entry each none is used twice. */
static void
begin (struct scribble *s, unsigned i)
{
  struct slot *slot = &s->slots[i];
  struct driver *driver = &s->disk.driver;
  static uint8_t bytes[LENGTH];

  slot->len = 512 * (1 + chance (s) % (LENGTH / 512));
  slot->offset = 512 * (chance (s) % ((PART - slot->len) / 512 + 1));
  slot->reading = chance (s) % 4 == 0;
  struct header header = { .type = slot->reading ? IN : OUT, .sector = ((uint64_t) i * PART + slot->offset) / 512 };
  uint8_t status = NONE;
  driver_set (driver, slot->header, &header, sizeof header);
  driver_set (driver, slot->status, &status, 1);
  for (uint32_t at = 0; at < slot->len && !slot->reading; at += 4)
    memcpy (bytes + at, &(uint32_t){ chance (s) }, 4);
  driver_set (driver, slot->data, bytes, slot->len);
  if (!slot->reading) {
    memcpy (s->copy + (size_t) i * PART + slot->offset, bytes, slot->len);
    s->written += slot->len;
  }
  /* The data in pieces of odd lengths. */
  uint32_t cut = 1 + chance (s) % (slot->len - 1);
  struct driver_buffer buffers[] = { { slot->header, 16, false },
                                     { slot->data, cut, slot->reading },
                                     { slot->data + cut, slot->len - cut, slot->reading },
                                     { slot->status, 1, true } };
  slot->head = driver_add_indirect (driver, i % s->queues, buffers, 4);
  slot->busy = true;
}

static void
ended (struct scribble *s, unsigned queue, uint16_t head)
{
  static uint8_t bytes[LENGTH];
  for (unsigned i = queue; i < SLOTS; i += s->queues) {
    struct slot *slot = &s->slots[i];
    if (!slot->busy || slot->head != head)
      continue;
    uint8_t status;
    driver_get (&s->disk.driver, slot->status, &status, 1);
    ck_assert_uint_eq (status, OK);
    slot->busy = false;
    if (slot->reading) {
      driver_get (&s->disk.driver, slot->data, bytes, slot->len);
      ck_assert_mem_eq (bytes, s->copy + (size_t) i * PART + slot->offset, slot->len);
    }
    return;
  }
  ck_abort_msg ("a head that was not in flight came back");
}

static unsigned
collect (struct scribble *s)
{
  unsigned n = 0;
  for (unsigned queue = 0; queue < s->queues; queue++) {
    uint16_t head;
    uint32_t len;
    for (; driver_used (&s->disk.driver, queue, &head, &len); n++)
      ended (s, queue, head);
  }
  return n;
}

START_TEST (random_writes)
{
  const char *asked = getenv ("KATA_TEST_SCRIBBLE_MIB");
  uint64_t limit = (asked != NULL ? strtoull (asked, NULL, 10) : 64) * MIB;
  struct scribble s = { .seed = 42 + (uint64_t) _i, .queues = 3 };
  int fd = memfd_create ("image", MFD_CLOEXEC);
  ck_assert_int_eq (ftruncate (fd, (off_t) SLOTS * PART), 0);
  disk_open (&s.disk, (struct vmm_blk_config){ .fd = fd, .queues = s.queues, .threads = _i },
             F_MQ | F_FLUSH | VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX);
  s.copy = calloc (SLOTS, PART);
  for (unsigned i = 0; i < SLOTS; i++) {
    s.slots[i].header = driver_alloc (&s.disk.driver, 16, 16);
    s.slots[i].status = driver_alloc (&s.disk.driver, 1, 1);
    s.slots[i].data = driver_alloc (&s.disk.driver, LENGTH, 512);
  }
  unsigned in_flight = 0;
  int64_t last = vmm_loop__now ();
  while (s.written < limit || in_flight > 0) {
    for (unsigned i = 0; i < SLOTS && s.written < limit; i++)
      if (!s.slots[i].busy && chance (&s) % 2 == 0) {
        begin (&s, i);
        in_flight++;
        if (driver_wants_kick (&s.disk.driver, i % s.queues))
          driver_kick (&s.disk.driver, i % s.queues);
      }
    vmm_loop__step (s.disk.driver.env->loop, 1);
    unsigned n = collect (&s);
    in_flight -= n;
    if (n > 0)
      last = vmm_loop__now ();
    ck_assert_msg (vmm_loop__now () - last < INT64_C (20000000000), "%u requests were lost", in_flight);
  }
  uint8_t *image = mmap (NULL, SLOTS * PART, PROT_READ, MAP_SHARED, fd, 0);
  ck_assert_ptr_ne (image, MAP_FAILED);
  ck_assert_int_eq (memcmp (image, s.copy, SLOTS * PART), 0);
  munmap (image, SLOTS * PART);
  free (s.copy);
  disk_free (&s.disk);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/blk-scribble");
  TCase *tcase = tcase_create ("scribble");
  tcase_set_timeout (tcase, 600);
  tcase_add_loop_test (tcase, random_writes, 0, ENGINES);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
