/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jailed: vmm-run's machine in kata-vmm instead of in vmm-run itself. */
#ifndef KATA_TESTS_VMM_JAILED_H
#define KATA_TESTS_VMM_JAILED_H

#include "vmm/machine.h"

struct jailed {
  const char *program, *waive, *control;
  unsigned user;
};

/* Milliseconds; 0 = never. */
struct jailed_times {
  long timeout, pause_after, pause_for, press_at, stop_at;
};

/** Exit status: that of kata-vmm, 128 + signal, or 1 when it does not start. */
int run_jailed (const struct jailed *jailed, const struct vmm_machine_config *config, const struct jailed_times *times);

#endif
