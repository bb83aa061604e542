/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: a container's counters, read from its cgroup, and the guest's network counters. */
#ifndef AGENT_STATS_H
#define AGENT_STATS_H

#include "proto/agent.pb-c.h"

/** Fills in @out; its parts are malloc'ed. Counters that this kernel does not keep stay absent. */
void stats_collect (const char *container_id, Grpc__StatsContainerResponse *out);

#endif
