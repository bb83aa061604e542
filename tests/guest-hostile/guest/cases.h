/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cases: the misdeeds, by the numbers of the list in README.md; each reports for itself. */
#ifndef HOSTILE_CASES_H
#define HOSTILE_CASES_H

#include "kinds.h"
#include "report.h"

#define PATIENCE_MS patience_ms () /* for what has to come */
#define WAIT_MS     40             /* for what may come */

/** A broken ring, or a request that no device can answer: arm it, kick, look what comes of it. */
struct attack {
  const char *name;
  unsigned allowed;
  void (*arm) (struct vdev *d, struct ring *r);
  uint64_t without; /* features not taken */
  uint16_t size;    /* of the rings, 0 = RING_SIZE */
};
void attack_run (struct vdev *d, unsigned queue, const struct attack *attack);
void attack_all (unsigned number, const struct attack *attacks, unsigned n);
/** Flag of a buffer that the device's main queue takes. */
uint16_t buffer_flag (const struct vdev *d);

void case_chains (unsigned number);      /* 1 to 5, 7, 9, 10: rings */
void case_edges (unsigned number);       /* 6 */
void case_empty (unsigned number);       /* 8 */
void case_wrap (unsigned number);        /* 9, the index's wrap */
void case_race (unsigned number);        /* 11 */
void case_setup (unsigned number);       /* 12 to 14 */
void case_status (unsigned number);      /* 15 */
void case_features (unsigned number);    /* 16 */
void case_access (unsigned number);      /* 17 */
void case_selects (unsigned number);     /* 18 */
void case_storm (unsigned number);       /* 19 */
void case_in_flight (unsigned number);   /* 20 */
void case_blk (unsigned number);         /* 21 */
void case_net (unsigned number);         /* 22 */
void case_vsock (unsigned number);       /* 23 */
void case_vsock_host (unsigned number);  /* 24 */
void case_floods (unsigned number);      /* 25 */
void case_board (unsigned number);       /* 26 */
void case_disk_faults (unsigned number); /* 28 */

/* Ends of the machine, each a boot of its own: end=NAME on the command line. */
void end_machine (const char *name);

#endif
