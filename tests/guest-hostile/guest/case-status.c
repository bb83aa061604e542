/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-status: cases 15 and 16: the status register in all values and orders, and features that nobody offered. */
#include "cases.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define STEPS        (S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK)

/* What the status is after @write, with good features taken (virtio 1.2, 2.1 and 3.1.1). */
static uint32_t
expected (uint32_t now, uint32_t write)
{
  if (write == 0)
    return 0;
  uint32_t ours = now & S_NEEDS_RESET, had = now & ~S_NEEDS_RESET, want = write & ~S_NEEDS_RESET, added = want & ~had;
  if ((want & ~(STEPS | S_FAILED)) != 0 || (want & had) != had || (had & S_FAILED) != 0)
    return now;
  if (((want & S_DRIVER) != 0 && (want & S_ACKNOWLEDGE) == 0) ||
      ((want & S_FEATURES_OK) != 0 && (want & S_DRIVER) == 0) ||
      ((added & S_DRIVER_OK) != 0 && (had & S_FEATURES_OK) == 0))
    return now;
  /* A driver that gives up gets no further. */
  if ((added & S_FAILED) != 0)
    added &= S_ACKNOWLEDGE | S_DRIVER | S_FAILED;
  return ours | had | added;
}

static void
to_state (struct vdev *d, uint32_t state)
{
  static const uint32_t steps[] = { 1, 3, 11, 15 };
  vdev_reset (d);
  v_accept (d, 0, v_offered (d, 0) & ~(uint32_t) F_EVENT_IDX);
  v_accept (d, 1, v_offered (d, 1));
  for (unsigned i = 0; i < COUNT (steps) && steps[i] <= (state & 15); i++)
    v_set_status (d, steps[i]);
  if (state > 15)
    v_set_status (d, state);
}

static void
all_values (struct vdev *d, uint32_t state)
{
  uint32_t now = 0xffff;
  for (uint32_t value = 0; value < 256; value++) {
    if (now != state)
      to_state (d, state);
    v_set_status (d, value);
    now = v_status (d);
    report_check ("a value from a state", now == expected (state, value), MAY_REJECT);
  }
  report_alive ();
}

static const uint32_t legal[] = { 0, 1, 3, 11, 15, 64 | 15, 128, 128 | 15 };

static void
all_orders (struct vdev *d, unsigned depth, uint32_t so_far[4])
{
  for (unsigned i = 0; i < COUNT (legal); i++) {
    so_far[depth] = legal[i];
    if (depth < 3) {
      all_orders (d, depth + 1, so_far);
      continue;
    }
    uint32_t wanted = 0;
    v_set_status (d, 0);
    v_accept (d, 1, (uint32_t) (F_VERSION_1 >> 32));
    for (unsigned j = 0; j < 4; j++) {
      wanted = expected (wanted, so_far[j]);
      v_set_status (d, so_far[j]);
      if (so_far[j] == 0) /* which took the features back */
        v_accept (d, 1, (uint32_t) (F_VERSION_1 >> 32));
    }
    report_check ("an order of four values", v_status (d) == wanted, MAY_REJECT);
  }
  if (depth == 2)
    report_alive ();
}

void
case_status (unsigned number)
{
  static const uint32_t states[] = { 0, 1, 3, 11, 15, 15 | 128 };
  uint32_t so_far[4];
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    bool all = d->id == ID_RNG || (d->id == ID_BLK && d->nth == 0);
    report_begin (number, vdev_name (d));
    for (unsigned j = 0; j < COUNT (states); j++)
      if (all || states[j] == 0 || states[j] == 11 || states[j] == 15)
        all_values (d, states[j]);
    if (d->id == ID_RNG && option ("quick", 0) == 0)
      all_orders (d, 0, so_far);
    report_wrong ("after all of it", revive (d));
    report_end ();
  }
}

/* ---- 16 ---- */

/* Is FEATURES_OK refused? */
static bool
refuses (struct vdev *d, uint64_t features, uint32_t beyond)
{
  vdev_reset (d);
  v_set_status (d, S_ACKNOWLEDGE);
  v_set_status (d, S_ACKNOWLEDGE | S_DRIVER);
  v_accept (d, 0, (uint32_t) features);
  v_accept (d, 1, (uint32_t) (features >> 32));
  if (beyond != 0)
    v_accept (d, beyond, 1);
  v_set_status (d, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
  if (v_status (d) != (S_ACKNOWLEDGE | S_DRIVER))
    return false;
  /* And what must not work without it. */
  v_set_status (d, 15);
  return v_status (d) == (S_ACKNOWLEDGE | S_DRIVER);
}

static void
late_features (struct vdev *d)
{
  vdev_negotiate (d, F_EVENT_IDX);
  v_accept (d, 0, 0xffffffff);
  v_accept (d, 1, 0);
  v_accept (d, 2, 0xffffffff);
  if (d->pci) {
    set32 (d->common + 8, 0);
    report_check ("features after FEATURES_OK", get32 (d->common + 12) == (uint32_t) d->features, MAY_IGNORE);
  }
  report_check ("features after FEATURES_OK", (v_status (d) & S_FEATURES_OK) != 0, MAY_IGNORE);
  vdev_run (d, RING_SIZE);
  report_wrong ("features after FEATURES_OK", good_request (d));
}

void
case_features (unsigned number)
{
  static const uint32_t selects[] = { 2, 3, 31, 0xff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff };
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    report_begin (number, vdev_name (d));
    uint64_t offered = v_offered (d, 0) | (uint64_t) v_offered (d, 1) << 32;
    report_check ("VERSION_1 is offered", (offered & F_VERSION_1) != 0, MAY_REJECT);
    for (unsigned bit = 0; bit < 64; bit++)
      if ((offered >> bit & 1) == 0)
        report_check ("a feature that is not offered", refuses (d, F_VERSION_1 | UINT64_C (1) << bit, 0), MAY_REJECT);
    report_check ("no VERSION_1", refuses (d, offered & ~F_VERSION_1, 0), MAY_REJECT);
    report_check ("no features", refuses (d, 0, 0), MAY_REJECT);
    for (unsigned j = 0; j < COUNT (selects); j++) {
      report_check ("features beyond 64", v_offered (d, selects[j]) == 0, MAY_REJECT);
      report_check ("a feature beyond 64", refuses (d, F_VERSION_1, selects[j]), MAY_REJECT);
    }
    late_features (d);
    report_wrong ("after all of it", revive (d));
    report_end ();
  }
}
