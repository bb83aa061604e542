/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake: a machine without KVM for device tests: true memory, buses and loop; interrupts are eventfds that the test reads. */
#ifndef TESTS_LIB_VMM_FAKE_H
#define TESTS_LIB_VMM_FAKE_H

#include "vmm/device.h"

#define FAKE_IRQS_MAX 128

struct fake_irq {
  bool taken, is_msi, routed;
  int fd;
  uint32_t gsi;
  uint64_t address; /* of the last route */
  uint32_t data;
};

struct fake {
  struct vmm_env env; /* what the device gets */
  struct vmm_memory memory;
  struct fake_irq irqs[FAKE_IRQS_MAX]; /* index = gsi */
  int wish;                            /* the last one, 0 = none */
  unsigned logs;
  char last_log[256]; /* "device: message" */
};

/** Aborts the test when it cannot. @memory_size as for vmm_memory__open(). */
struct fake *fake_new (uint64_t memory_size);
/** Checks that every interrupt was released. */
void fake_free (struct fake *fake);

/** How often @gsi was raised since the last call. */
uint64_t fake_raised (struct fake *fake, uint32_t gsi);

/* The guest's accesses. */
uint64_t fake_read (struct vmm_bus *bus, uint64_t address, unsigned len);
void fake_write (struct vmm_bus *bus, uint64_t address, unsigned len, uint64_t value);

/** Rounds of the loop until one runs nothing (within @timeout_ms of waiting each); returns how many callbacks ran. */
int fake_run (struct fake *fake, int timeout_ms);

#endif
