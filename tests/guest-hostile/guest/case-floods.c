/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-floods: case 25: what asks a device for more than is good: pages that are none, gigabytes of entropy, of output, of reports. */
#include "cases.h"

#define UPPER 0x2000000u /* RAM that nobody needs: from 32 MiB on */

/* ---- balloon ---- */

static void
give_pages (struct vdev *d, unsigned queue, const char *what, uint32_t len)
{
  const struct piece piece = { buffer, len, false };
  ring_chain (&d->rings[queue], 0, &piece, 1);
  v_notify (d, queue);
  enum outcome got = vdev_await (d, queue, PATIENCE_MS);
  report (what, outcome_bit (got), MAY_REJECT | MAY_NRST);
  if (got == USED)
    ring_take (&d->rings[queue], NULL, NULL);
  else
    vdev_start (d, RING_SIZE);
}

static void
wrong_pages (struct vdev *d)
{
  uint32_t *pfns = (uint32_t *) buffer;
  const uint32_t wrong[] = { 0xffffffff, 0x80000000,       (uint32_t) (ram_low_end >> 12), 0xc0000, 0xd0000, 0xfee00,
                             0xfffff,    0x100000000 >> 12 };
  vdev_start (d, RING_SIZE);
  for (unsigned queue = 0; queue < 2; queue++) {
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
      pfns[0] = wrong[i];
      give_pages (d, queue, "a page that is none", 4);
    }
    for (unsigned i = 0; i < BUFFER_SIZE / 4; i++)
      pfns[i] = 0xc0000 + random32 () % 0x3000;
    give_pages (d, queue, "16384 pages that are none", BUFFER_SIZE);
    for (unsigned i = 0; i < BUFFER_SIZE / 4; i++)
      pfns[i] = UPPER >> 12;
    give_pages (d, queue, "one page 16384 times", BUFFER_SIZE);
    for (unsigned i = 0; i < BUFFER_SIZE / 4; i++)
      pfns[i] = UPPER / 4096 + i * 2 % 4096;
    give_pages (d, queue, "every other page, twice over", BUFFER_SIZE);
    give_pages (d, queue, "half a page number", 3);
    give_pages (d, queue, "a page and a half", 6);
  }
  memset (buffer, 0xff, BUFFER_SIZE);
}

static void
wrong_reports (struct vdev *d)
{
  uint8_t *kept = buffer + 4096;
  vdev_start (d, RING_SIZE);
  struct ring *r = &d->rings[2];
  memset (kept, 0x33, 64);
  /* Less than a page, in the middle of one: it stays as it is. */
  const struct piece small = { kept + 8, 32, true }, large = { (void *) (uint64_t) UPPER, 16 << 20, true };
  ring_chain (r, 0, &small, 1);
  v_notify (d, 2);
  report ("a report of 32 bytes", outcome_bit (vdev_await (d, 2, PATIENCE_MS)), MAY_REJECT | MAY_NRST);
  report_check ("what lies beside it", kept[0] == 0x33 && kept[63] == 0x33 && kept[8] == 0x33, MAY_REJECT);
  vdev_start (d, RING_SIZE);
  for (unsigned i = 0; i < r->size; i++) {
    ring_desc (r, i, (uint64_t) large.at, large.len, WRITE, 0);
    ring_offer (r, (uint16_t) i);
  }
  v_notify (d, 2);
  report_wrong ("16 reports of 16 MiB", others_live (d));
  report ("16 reports of 16 MiB", outcome_bit (vdev_await (d, 2, PATIENCE_MS)), MAY_REJECT);
  report_wrong ("after all of it", revive (d));
}

/* What the guest says it has given is no more than a number. */
static void
wrong_actual (struct vdev *d)
{
  vdev_start (d, RING_SIZE);
  set32 (d->config + 4, 0xffffffff);
  set32 (d->config, 0xffffffff);
  report_check ("pages wanted are the host's to say", get32 (d->config) == 0, MAY_IGNORE);
  report_wrong ("after a wrong number", good_request (d));
}

/* ---- entropy ---- */

static void
much_entropy (unsigned number)
{
  struct vdev *d = vdev_of (ID_RNG, 0);
  if (d == NULL)
    return;
  report_begin (number, "rng");
  vdev_start (d, 64);
  struct ring *r = &d->rings[0];
  uint32_t each = (uint32_t) (ram_low_end - UPPER), len = 0;
  unsigned n = 0xffffffff / each < r->size ? 0xffffffff / each : r->size;
  for (unsigned i = 0; i < n; i++)
    ring_desc (r, i, UPPER, each, (uint16_t) (WRITE | (i + 1 < n ? NEXT : 0)), (uint16_t) (i + 1));
  for (unsigned round = 0; round < 20; round++) {
    ring_offer (r, 0);
    v_notify (d, 0);
    enum outcome got = vdev_await (d, 0, PATIENCE_MS);
    report ("gigabytes of entropy", outcome_bit (got), MAY_REJECT);
    if (got != USED)
      break;
    ring_take (r, NULL, &len);
    report_check ("64 KiB at most", len <= 65536, MAY_REJECT);
  }
  report_wrong ("after gigabytes", revive (d));
  report_end ();
}

/* ---- output ---- */

/* 64 pieces of the upper RAM in one table, many heads: 10 GiB and more that nobody reads. */
static void
much_output (unsigned number)
{
  struct vdev *d = vdev_of (ID_CONSOLE, 0);
  if (d == NULL)
    return;
  report_begin (number, "console");
  vdev_start (d, 64);
  struct ring *r = &d->rings[1];
  struct vmm_ring_desc *table = (struct vmm_ring_desc *) buffer;
  uint32_t each = (uint32_t) (ram_low_end - UPPER);
  unsigned n = 0xffffffff / each < 64 ? 0xffffffff / each : 64;
  for (unsigned i = 0; i < n; i++)
    table[i] =
        (struct vmm_ring_desc){ .addr = UPPER, .len = each, .flags = i + 1 < n ? NEXT : 0, .next = (uint16_t) (i + 1) };
  for (unsigned i = 0; i < 16; i++) {
    ring_desc (r, i, (uint64_t) table, 16 * n, INDIRECT, 0);
    ring_offer (r, (uint16_t) i);
  }
  v_notify (d, 1);
  for (uint64_t end = now_us () + 2000000; now_us () < end;) {
    uint64_t start = now_us ();
    report_wrong ("gigabytes of output", others_live (d));
    report_check ("another device answers within a second", now_us () - start < second_us (), MAY_REJECT);
    report_alive ();
  }
  uint64_t start = now_us ();
  vdev_reset (d);
  report_check ("reset within a second", now_us () - start < second_us (), MAY_REJECT);
  report_wrong ("after gigabytes", revive (d));
  report_end ();
}

void
case_floods (unsigned number)
{
  struct vdev *balloon = vdev_of (ID_BALLOON, 0);
  if (balloon != NULL) {
    report_begin (number, "balloon");
    wrong_pages (balloon);
    wrong_reports (balloon);
    wrong_actual (balloon);
    report_wrong ("after all of it", revive (balloon));
    report_end ();
  }
  much_entropy (number);
  much_output (number);
}
