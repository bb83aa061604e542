/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys-mem-agent: the keys of [agent.kata.mem_agent], none of which libkata acts on. */
#include "config/config.h"
#include "config/keys.h"
#include "config/row.h"

#define SECTION struct kata_agent_config

/* clang-format off: a row is a line */
const struct kata_key kata_keys_mem_agent[] = {
  KNOWN (mem_agent_enable, BOOL, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_disable, BOOL, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_swap, BOOL, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_swappiness_max, INT, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_period_secs, INT, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_period_psi_percent_limit, INT, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_eviction_psi_percent_limit, INT, 0, "proactive reclaim in the guest"),
  KNOWN (memcg_eviction_run_aging_count_min, INT, 0, "proactive reclaim in the guest"),
  KNOWN (compact_disable, BOOL, 0, "memory compaction in the guest"),
  KNOWN (compact_period_secs, INT, 0, "memory compaction in the guest"),
  KNOWN (compact_period_psi_percent_limit, INT, 0, "memory compaction in the guest"),
  KNOWN (compact_psi_percent_limit, INT, 0, "memory compaction in the guest"),
  KNOWN (compact_sec_max, INT, 0, "memory compaction in the guest"),
  KNOWN (compact_order, INT, 0, "memory compaction in the guest"),
  KNOWN (compact_threshold, INT, 0, "memory compaction in the guest"),
  KNOWN (compact_force_times, INT, 0, "memory compaction in the guest"),
  { .name = NULL },
};
/* clang-format on */
