/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bare: machines whose whole guest is a few bytes of 32-bit code, entered by PVH; and what came of them. */
#ifndef TESTS_VMM_BARE_H
#define TESTS_VMM_BARE_H

#include <pthread.h>

#include "vmm/machine-parts.h"

#define BARE_TEXT 0x1000010 /* where the code is */

struct bare {
  struct vmm_machine_config config; /* change it between bare_init() and bare_make() */
  struct vmm_machine *machine;
  pthread_t thread; /* that runs it */
  struct vmm_exit exit;
  int result;
  kata_error *error;
  int serial; /* what the guest says: the end to read; non-blocking */
};

/** Ends the test program with 77 when this host has no KVM. */
void bare_need_kvm (void);
void bare_init (struct bare *bare, const void *code, size_t len);
void bare_make (struct bare *bare);
/** Starts the machine on a thread of its own. */
void bare_start (struct bare *bare);
/** Waits for its end; the test fails after ten seconds. Takes all down. Fills @said with what the guest said, NUL-terminated. */
enum vmm_exit_reason bare_finish (struct bare *bare, char *said, size_t size);
/** init, make, start and finish. */
enum vmm_exit_reason bare_run (const void *code, size_t len, char *said, size_t size);

void bare_nap (long ms);
/** Reads what the guest has said so far into @said, up to @want bytes or ten seconds. */
size_t bare_listen (struct bare *bare, char *said, size_t want);

#endif
