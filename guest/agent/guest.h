/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest: the machine itself: processors and memory, clock, random numbers, metrics. */
#ifndef AGENT_GUEST_H
#define AGENT_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "fault.h"

/** Brings processors online until @cpus are (0 = as they are), then all memory unless @cpu_only. 0 or -1 with @fault set. */
int guest_online (uint32_t cpus, int cpu_only, struct fault *fault);
int guest_reseed (const void *data, size_t len, struct fault *fault);
int guest_set_time (int64_t seconds, int64_t microseconds, struct fault *fault);
/** Bytes per hotplug block, 0 if memory cannot be plugged. */
uint64_t guest_memory_block (void);
/** Prometheus text; the caller frees it. */
char *guest_metrics (struct agent *agent);

#endif
