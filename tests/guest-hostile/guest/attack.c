/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attack: does one misdeed to a ring and sees what becomes of the device, of the others, and of the device after a reset. */
#include "cases.h"

uint16_t
buffer_flag (const struct vdev *d)
{
  return d->id == ID_RNG ? WRITE : 0;
}

void
attack_run (struct vdev *d, unsigned queue, const struct attack *attack)
{
  if (!vdev_negotiate (d, F_EVENT_IDX | attack->without)) {
    report_wrong (attack->name, "it refuses its own features");
    return;
  }
  vdev_run (d, attack->size != 0 ? attack->size : RING_SIZE);
  attack->arm (d, &d->rings[queue]);
  v_notify (d, queue);
  enum outcome got = vdev_await (d, queue, (attack->allowed & MAY_IGNORE) == 0 ? PATIENCE_MS : WAIT_MS);
  report (attack->name, outcome_bit (got), attack->allowed);
  if (got == NRST && !v_config_interrupt (d))
    report_wrong (attack->name, "wants a reset without an interrupt");
  report_wrong (attack->name, others_live (d));
  report_wrong (attack->name, revive (d));
}

/* The file server is another process, with rules of its own: it may end, or do nothing. */
static void
attack_one (struct vdev *d, const struct attack *attack)
{
  struct attack lenient = *attack;
  if (d->id == ID_FS)
    lenient.allowed = MAY_NRST | MAY_REJECT | MAY_IGNORE;
  attack_run (d, main_queue (d), &lenient);
}

void
attack_all (unsigned number, const struct attack *attacks, unsigned n)
{
  for (unsigned i = 0; i < n_vdevs; i++) {
    if (vdevs[i].id == ID_FS)
      continue;
    report_begin (number, vdev_name (&vdevs[i]));
    for (unsigned j = 0; j < n; j++)
      attack_one (&vdevs[i], &attacks[j]);
    report_end ();
  }
}
