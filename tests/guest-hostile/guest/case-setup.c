/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-setup: cases 12 to 14 and 18: queues that are set up wrongly, too late, or do not exist. */
#include "cases.h"

#include "vmm/layout.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* A good ring for queue 0, then one thing wrong, then ready: it has to refuse. */
static void
try_address (struct vdev *d, unsigned which, uint64_t address)
{
  vdev_make_ring (d, 0, RING_SIZE);
  v_set_address (d, which, address);
  v_set_ready (d, 1);
  report_check (which == 0   ? "address of the descriptors"
                : which == 1 ? "address of the available ring"
                             : "address of the used ring",
                v_ready (d) == 0, MAY_REJECT);
}

static void
still_good (struct vdev *d, const char *what)
{
  vdev_run (d, RING_SIZE);
  report_wrong (what, good_request (d));
}

static void
try_addresses (struct vdev *d)
{
  if (!vdev_negotiate (d, F_EVENT_IDX)) {
    report_wrong ("negotiate", "it refuses its own features");
    return;
  }
  vdev_make_ring (d, 0, RING_SIZE);
  const struct ring r = d->rings[0];
  const uint64_t own[] = { (uint64_t) r.desc, (uint64_t) r.avail, (uint64_t) r.used };
  const uint64_t wrong[] = { 0,
                             1,
                             ram_low_end - 2,
                             ram_low_end,
                             UINT64_C (0xc0000000),
                             VMM_LAYOUT_VIRTIO_MMIO,
                             VMM_LAYOUT_LAPIC,
                             UINT64_C (1) << 52,
                             UINT64_MAX - 15,
                             UINT64_MAX };
  for (unsigned which = 0; which < 3; which++) {
    for (unsigned i = 0; i < COUNT (wrong); i++)
      try_address (d, which, wrong[i]);
    try_address (d, which, own[which] + 1);
    try_address (d, which, own[(which + 1) % 3]);
    try_address (d, which, own[(which + 2) % 3]);
  }
  try_address (d, 0, own[0] + 8);
  try_address (d, 2, own[2] + 2);
  try_address (d, 1, own[0] + 16 * RING_SIZE - 2);
  still_good (d, "good addresses at last");
}

static void
try_sizes (struct vdev *d)
{
  if (!vdev_negotiate (d, F_EVENT_IDX))
    return;
  v_select (d, 0);
  const uint32_t max = v_queue_max (d);
  const uint32_t wrong[] = { 0, 3, 15, 257, max + 1, 2 * max, 0x8000, 0xffff, 0x10000 | RING_SIZE, 0xffffffff };
  for (unsigned i = 0; i < COUNT (wrong); i++) {
    if (d->pci && wrong[i] > 0xffff)
      continue; /* the register has 16 bits: no way to say it */
    vdev_make_ring (d, 0, RING_SIZE);
    v_set_size (d, wrong[i]);
    v_set_ready (d, 1);
    report_check ("size", v_ready (d) == 0, MAY_REJECT);
  }
  still_good (d, "a good size at last");
}

/* Everything about queue 0 anew, while it must not be. */
static void
rewrite_queue (struct vdev *d)
{
  v_select (d, 0);
  v_set_size (d, 2);
  v_set_size (d, 0xffff);
  v_set_size (d, 0);
  for (unsigned which = 0; which < 3; which++)
    v_set_address (d, which, UINT64_C (0xffff0000dead0000));
  v_set_ready (d, 1);
  v_set_ready (d, 2);
}

static void
check_unchanged (struct vdev *d, const char *when)
{
  v_select (d, 0);
  report_check (when, v_ready (d) == 1, MAY_IGNORE);
  if (!d->pci)
    return; /* the others cannot be read */
  const struct ring *r = &d->rings[0];
  uint64_t desc = get32 (d->common + 0x20) | (uint64_t) get32 (d->common + 0x24) << 32;
  uint64_t avail = get32 (d->common + 0x28) | (uint64_t) get32 (d->common + 0x2c) << 32;
  uint64_t used = get32 (d->common + 0x30) | (uint64_t) get32 (d->common + 0x34) << 32;
  report_check (when,
                v_queue_max (d) == r->size && desc == (uint64_t) r->desc && avail == (uint64_t) r->avail &&
                    used == (uint64_t) r->used,
                MAY_IGNORE);
}

static void
try_late (struct vdev *d)
{
  if (!vdev_negotiate (d, F_EVENT_IDX))
    return;
  vdev_make_ring (d, 0, RING_SIZE);
  v_set_ready (d, 1);
  rewrite_queue (d);
  check_unchanged (d, "registers after ready");
  if (!vdev_start (d, RING_SIZE))
    return;
  rewrite_queue (d);
  v_set_ready (d, 0);
  check_unchanged (d, "registers after DRIVER_OK");
  report_wrong ("registers after DRIVER_OK", good_request (d));
  for (unsigned q = 1; q < d->n_queues && q < 5; q++) {
    v_select (d, q);
    v_set_size (d, 1);
    v_set_ready (d, 0);
  }
  report_wrong ("other queues after DRIVER_OK", good_request (d));
  /* CVE-2026-5747: in each status, not only in the last. */
  static const uint8_t states[] = { 0, 1, 3, 11, 15, 128 };
  for (unsigned i = 0; i < COUNT (states); i++) {
    vdev_reset (d);
    for (unsigned step = 0; step < COUNT (states) && states[step] <= states[i]; step++)
      v_set_status (d, states[step] != 0 ? states[step] : S_ACKNOWLEDGE);
    rewrite_queue (d);
    v_select (d, 0);
    report_check ("ready in each status", v_ready (d) == 0, MAY_IGNORE);
  }
  report_wrong ("after all statuses", revive (d));
}

void
case_setup (unsigned number)
{
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    report_begin (number, vdev_name (d));
    if (number == 12)
      try_addresses (d);
    else if (number == 13)
      try_sizes (d);
    else
      try_late (d);
    report_end ();
  }
}

/* ---- 18 ---- */

static void
try_select (struct vdev *d, uint32_t queue)
{
  v_select (d, queue);
  report_check ("a queue that does not exist has a size", v_queue_max (d) == 0, MAY_REJECT);
  report_check ("a queue that does not exist is ready", v_ready (d) == 0, MAY_REJECT);
  v_set_size (d, RING_SIZE);
  for (unsigned which = 0; which < 3; which++)
    v_set_address (d, which, (uint64_t) buffer + 8192 * which);
  v_set_ready (d, 1);
  report_check ("a queue that does not exist gets ready", v_ready (d) == 0, MAY_REJECT);
  v_set_ready (d, 0);
}

static void
notify_wrong (struct vdev *d)
{
  if (d->pci) {
    /* The whole page of doorbells, and values that are no queue. */
    for (unsigned at = 0; at < 4096; at += 62)
      set16 (d->notify + at, (uint16_t) (at * 3));
    set16 (d->notify, 0xffff);
    set32 (d->notify, 0xffffffff);
    return;
  }
  static const uint32_t numbers[] = { 34, 35, 64, 255, 0xffff, 0x10000, 0x80000000, 0xffffffff };
  for (unsigned i = 0; i < COUNT (numbers); i++)
    v_notify (d, numbers[i]);
  v_notify (d, d->n_queues);
}

void
case_selects (unsigned number)
{
  static const uint32_t far[] = { 34, 35, 63, 64, 255, 256, 0x7fff, 0xffff };
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    report_begin (number, vdev_name (d));
    vdev_negotiate (d, F_EVENT_IDX);
    try_select (d, d->n_queues);
    for (unsigned j = 0; j < COUNT (far); j++)
      try_select (d, far[j]);
    if (!d->pci)
      try_select (d, 0xffffffff);
    notify_wrong (d); /* none is ready */
    vdev_run (d, RING_SIZE);
    notify_wrong (d);
    report_wrong ("after wrong notifications", good_request (d));
    vdev_reset (d);
    notify_wrong (d);
    report_check ("notifications after a reset", v_status (d) == 0, MAY_IGNORE);
    report_wrong ("after wrong notifications", revive (d));
    report_end ();
  }
}
