/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmm-steps: a fuzz input as what a hostile driver does to one virtio device: descriptors, ring indexes, memory, kicks, resets; one step after the other. */
#ifndef KATA_FUZZ_VMM_STEPS_H
#define KATA_FUZZ_VMM_STEPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define STEPS_AREA 65536u /* of RAM, where buffers mostly are */

struct steps {
  const uint8_t *data;
  size_t left;
  struct driver driver;
  vmm_gpa area, rings; /* where rings begin: those of the driver before are given up */
  uint64_t features;
  unsigned n_queues; /* those that are played with */
  unsigned n_resets;
};

static inline void
steps_check (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "%s\n", what);
    abort ();
  }
}

/* @len bytes of the input, zeroes behind its end. */
static inline uint64_t
steps_take (struct steps *steps, unsigned len)
{
  uint64_t value = 0;
  size_t n = len < steps->left ? len : steps->left;
  memcpy (&value, steps->data, n);
  steps->data += n;
  steps->left -= n;
  return value;
}

static inline void
steps_descriptor (struct steps *steps)
{
  unsigned queue = (unsigned) steps_take (steps, 1) % steps->n_queues;
  unsigned how = (unsigned) steps_take (steps, 1);
  uint16_t index = (uint16_t) (steps_take (steps, 1) % steps->driver.queues[queue].size);
  vmm_gpa at = (how & 0x80) != 0 ? steps_take (steps, 8) : steps->area + steps_take (steps, 2);
  uint32_t len = (uint32_t) steps_take (steps, (how & 0x40) != 0 ? 4 : 2);
  driver_desc (&steps->driver, queue, index, at, len, how & 7,
               (uint16_t) steps_take (steps, (how & 0x20) != 0 ? 2 : 1));
}

static inline void
steps_memory (struct steps *steps)
{
  vmm_gpa at = steps->area + steps_take (steps, 2) % (STEPS_AREA - 32);
  for (unsigned n = (unsigned) steps_take (steps, 1) & 31; n > 0; n--) {
    uint8_t byte = (uint8_t) steps_take (steps, 1);
    driver_set (&steps->driver, at++, &byte, 1);
  }
}

static inline void
steps_one (struct steps *steps)
{
  struct driver *driver = &steps->driver;
  uint8_t what = (uint8_t) steps_take (steps, 1);
  unsigned queue = (what >> 4) % steps->n_queues;

  switch (what & 15) {
  case 0:
  case 1:
  case 2:
    steps_descriptor (steps);
    break;
  case 3:
  case 4:
    steps_memory (steps);
    break;
  case 5:
  case 6:
    driver_offer (driver, queue, (uint16_t) steps_take (steps, 1));
    break;
  case 7:
    driver_jump (driver, queue, (uint16_t) steps_take (steps, 2));
    break;
  case 8:
  case 9:
    driver_kick (driver, queue);
    break;
  case 10:
  case 11:
    vmm_loop__step (driver->env->loop, 0);
    break;
  case 12:
    if (steps->n_resets++ >= 8) /* each takes more of the small RAM for its rings */
      break;
    driver_reset (driver);
    driver->brk = steps->rings;
    driver_start (driver, steps->features);
    break;
  case 13:
    vmm_virtio__pause (driver->device);
    break;
  case 14:
    vmm_virtio__unpause (driver->device);
    break;
  default: {
    uint64_t value = steps_take (steps, 4), offset = steps_take (steps, 1);
    vmm_virtio__config (driver->device, offset, 1u << (what >> 4 & 3), &value, (what & 0x40) != 0);
    break;
  }
  }
}

/* The device is there; plays the whole input and frees it. */
static inline void
steps_play (struct steps *steps)
{
  steps->area = driver_alloc (&steps->driver, STEPS_AREA, 4096);
  steps->rings = steps->driver.brk;
  driver_start (&steps->driver, steps->features);
  for (unsigned n = 0; steps->left > 0 && n < 2000; n++)
    steps_one (steps);
  for (unsigned i = 0; i < 64; i++)
    vmm_loop__step (steps->driver.env->loop, 0);
  driver_close (&steps->driver);
}

#endif
