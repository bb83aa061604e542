/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-disk: cases 21 and 28: requests that a disk must not do, and a file that changes under it. */
#include "cases.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define SECTORS      2048u /* bench.h */
#define SCRATCH      1024u

struct range {
  uint64_t sector;
  uint32_t sectors, flags;
};

/* @wanted: a status, or 0x100 for none of importance as long as it is no success. */
static void
expect (struct vdev *d, const char *what, uint32_t got, uint32_t wanted)
{
  report_check (what, wanted == 0x100 ? got != BLK_OK && got != 0x200 : got == wanted,
                got == 0x100 ? MAY_NRST : MAY_REJECT);
  if (got >= 0x100)
    vdev_start (d, RING_SIZE);
}

static void
past_the_end (struct vdev *d)
{
  static const uint64_t sectors[] = {
    SECTORS,    SECTORS - 1,    SECTORS + 1,       UINT64_C (1) << 55, (UINT64_C (1) << 55) - 1,
    UINT64_MAX, UINT64_MAX - 1, UINT64_C (1) << 63
  };
  for (unsigned i = 0; i < COUNT (sectors); i++)
    for (uint32_t type = BLK_IN; type <= BLK_OUT; type++)
      expect (d, "beyond the end", blk_request (d, type, sectors[i], 1024), BLK_IOERR);
  expect (d, "last sector", blk_request (d, BLK_IN, SECTORS - 1, 512), BLK_OK);
}

static void
odd_lengths (struct vdev *d)
{
  static const uint32_t lens[] = { 1, 511, 513, 4095, 1025 };
  for (unsigned i = 0; i < COUNT (lens); i++)
    for (uint32_t type = BLK_IN; type <= BLK_OUT; type++)
      expect (d, "not whole sectors", blk_request (d, type, SCRATCH, lens[i]), BLK_IOERR);
}

static void
wrong_types (struct vdev *d)
{
  static const uint32_t types[] = { 2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 99, 0x80000000, 0xffffffff };
  for (unsigned i = 0; i < COUNT (types); i++) {
    expect (d, "unknown type", blk_request (d, types[i], 0, 512), BLK_UNSUPP);
    expect (d, "unknown type", blk_request (d, types[i], UINT64_MAX, 0), BLK_UNSUPP);
  }
  expect (d, "flush with data", blk_request (d, BLK_FLUSH, 0, 512), 0x100);
  expect (d, "name into 19 bytes", blk_request (d, BLK_ID, 0, 19), BLK_IOERR);
  expect (d, "name into nothing", blk_request (d, BLK_ID, 0, 0), BLK_IOERR);
  expect (d, "name", blk_request (d, BLK_ID, 0, 20), BLK_OK);
}

static void
wrong_ranges (struct vdev *d, bool readonly)
{
  const struct {
    struct range range;
    uint32_t len;
  } wrong[] = {
    { { SECTORS, 1, 0 }, 16 },
    { { UINT64_MAX, 0xffffffff, 0 }, 16 },
    { { 0, 0xffffffff, 0 }, 16 },
    { { SECTORS - 1, 2, 0 }, 16 },
    { { UINT64_C (1) << 55, 8, 0 }, 16 },
    { { SCRATCH, 8, 0xfffffffe }, 16 },
    { { SCRATCH, 8, 0 }, 15 },
    { { SCRATCH, 8, 0 }, 8 },
    { { SCRATCH, 8, 0 }, 32 },
    { { SCRATCH, 8, 0 }, 0 },
    { { SCRATCH, 0x80000000, 0 }, 16 },
  };
  for (unsigned i = 0; i < COUNT (wrong); i++)
    for (uint32_t type = BLK_DISCARD; type <= BLK_ZEROES; type += 2) {
      memset (buffer, 0, 64);
      *(struct range *) buffer = wrong[i].range;
      expect (d, "range", blk_request (d, type, 0, wrong[i].len), 0x100);
    }
  if (!readonly)
    return;
  *(struct range *) buffer = (struct range){ SCRATCH, 8, 0 };
  expect (d, "discard, read-only", blk_request (d, BLK_DISCARD, 0, 16), 0x100);
  *(struct range *) buffer = (struct range){ SCRATCH, 8, 0 };
  expect (d, "zeroes, read-only", blk_request (d, BLK_ZEROES, 0, 16), 0x100);
  for (uint64_t sector = 0; sector < SECTORS; sector += 500)
    expect (d, "write, read-only", blk_request (d, BLK_OUT, sector, 512), BLK_IOERR);
}

static void
writes_and_reads (struct vdev *d)
{
  bool same = true;
  memset (buffer, 0x77, 512);
  expect (d, "write", blk_request (d, BLK_OUT, SCRATCH + 7, 512), BLK_OK);
  memset (buffer, 0, 512);
  expect (d, "read it again", blk_request (d, BLK_IN, SCRATCH + 7, 512), BLK_OK);
  for (unsigned i = 0; i < 512; i++)
    same &= buffer[i] == 0x77;
  report_check ("what was written", same, MAY_REJECT);
}

/* A header of a format that has a backing file: a raw disk stays raw (CVE-2026-27211). The runner sees that nothing else is opened. */
static void
looks_like_qcow2 (struct vdev *d)
{
  static const uint8_t header[] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x68, 0, 0, 0, 11 };
  memset (buffer, 0, 512);
  memcpy (buffer, header, sizeof header);
  memcpy (buffer + 0x68, "/etc/passwd", 11);
  expect (d, "a foreign header", blk_request (d, BLK_OUT, SCRATCH, 512), BLK_OK);
  vdev_start (d, RING_SIZE);
  memset (buffer, 0, 512);
  expect (d, "and it is read as it is", blk_request (d, BLK_IN, SCRATCH, 512), BLK_OK);
  report_check ("and it is read as it is", memcmp (buffer, header, sizeof header) == 0, MAY_REJECT);
}

void
case_blk (unsigned number)
{
  for (unsigned nth = 0; nth < 2; nth++) {
    struct vdev *d = vdev_of (ID_BLK, nth);
    if (d == NULL)
      continue;
    report_begin (number, vdev_name (d));
    vdev_start (d, RING_SIZE);
    past_the_end (d);
    odd_lengths (d);
    wrong_types (d);
    wrong_ranges (d, nth == 1);
    if (nth == 0) {
      writes_and_reads (d);
      looks_like_qcow2 (d);
    }
    report_wrong ("after all of it", good_request (d));
    report_end ();
  }
}

/* ---- 28: the host acts on the words "shrink" and "grow" ---- */

void
case_disk_faults (unsigned number)
{
  struct vdev *d = vdev_of (ID_BLK, 0);
  if (d == NULL)
    return;
  report_begin (number, "blk");
  vdev_start (d, RING_SIZE);
  expect (d, "before", blk_request (d, BLK_IN, SCRATCH - 1, 512), BLK_OK);
  say ("shrink\n");
  wait_us (1000000);
  expect (d, "read of what is gone", blk_request (d, BLK_IN, SCRATCH - 1, 512), BLK_IOERR);
  expect (d, "half of it is gone", blk_request (d, BLK_IN, SECTORS / 4 - 1, 4096), BLK_IOERR);
  expect (d, "what is still there", blk_request (d, BLK_IN, 5, 512), BLK_OK);
  say ("grow\n");
  wait_us (1000000);
  expect (d, "after", blk_request (d, BLK_IN, SCRATCH - 1, 512), BLK_OK);
  report_wrong ("after", good_request (d));
  report_end ();
}
