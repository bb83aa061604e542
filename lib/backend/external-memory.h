/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-memory: how long a guest is waited for that takes or gives back memory by virtio-mem: as long as it goes on doing so. */
#ifndef KATA_BACKEND_EXTERNAL_MEMORY_H
#define KATA_BACKEND_EXTERNAL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <kata/error.h>

/** In bytes: of the memory that comes and goes, what it shall have, had when it was asked, and has. */
struct kata_external_memory {
  uint64_t wanted, first, now;
  int64_t begin_us, until_us, still_us; /* still: by then something has to have happened */
};

void
kata_external_memory__begin (struct kata_external_memory *memory, uint64_t wanted, uint64_t now, int64_t deadline_us);
/** A while. False: it has stood still for too long, or the time is over. @pidfd: of the VMM, whose end ends the wait. */
bool kata_external_memory__wait (const struct kata_external_memory *memory, int pidfd);
/** What the VMM says that it has now. */
void kata_external_memory__saw (struct kata_external_memory *memory, uint64_t now);
/** KATA_E_TIMEOUT: how far it came. */
int kata_external_memory__short (const struct kata_external_memory *memory, kata_error **err);
/** The VMM did not tell what it has, for @error, which is taken: of an answer that came too late, kata_external_memory__short(); else @error and @code. */
int
kata_external_memory__late (const struct kata_external_memory *memory, int code, kata_error *error, kata_error **err);

#endif
