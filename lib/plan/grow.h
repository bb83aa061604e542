/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* grow: how large a running machine should be for its containers' limits; pure. */
#ifndef KATA_PLAN_GROW_H
#define KATA_PLAN_GROW_H

#include "plan/plan.h"

/** Sums over the containers of a sandbox; those without a limit add nothing. */
struct kata_limits {
  uint64_t cpu_milli; /* 1000 = one CPU */
  uint64_t memory_bytes;
};

/** As Kata: what the machine has for itself and the sum of the limits, more than there is room for too; 0 = it does not follow them. */
uint32_t kata_plan__vcpus_for (const kata_plan *plan, const struct kata_limits *limits);
uint64_t kata_plan__memory_for (const kata_plan *plan, const struct kata_limits *limits);

#endif
