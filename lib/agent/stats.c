/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: a container's counters, from the agent's many messages to one flat struct. */
#include "agent/call.h"

#include <string.h>

static uint64_t
add (uint64_t a, uint64_t b)
{
  uint64_t sum;
  return __builtin_add_overflow (a, b, &sum) ? UINT64_MAX : sum;
}

/* Agents write "no limit" as 0, as the largest number, or as the largest number of pages (cgroup v1). */
static uint64_t
limit (uint64_t value)
{
  return value == 0 || value >= (uint64_t) INT64_MAX - 0xffff ? UINT64_MAX : value;
}

static void
cgroup_copy (struct kata_agent_stats *out, const Grpc__CgroupStats *cgroup)
{
  const Grpc__CpuUsage *cpu = cgroup->cpu_stats != NULL ? cgroup->cpu_stats->cpu_usage : NULL;
  const Grpc__ThrottlingData *throttling = cgroup->cpu_stats != NULL ? cgroup->cpu_stats->throttling_data : NULL;
  const Grpc__MemoryStats *memory = cgroup->memory_stats;

  if (cpu != NULL) {
    out->cpu_total_ns = cpu->total_usage;
    out->cpu_user_ns = cpu->usage_in_usermode;
    out->cpu_system_ns = cpu->usage_in_kernelmode;
  }
  if (throttling != NULL)
    out->cpu_throttled_ns = throttling->throttled_time;
  if (memory != NULL) {
    out->memory_cache_bytes = memory->cache;
    if (memory->usage != NULL) {
      out->memory_bytes = memory->usage->usage;
      out->memory_peak_bytes = memory->usage->max_usage;
      out->memory_limit_bytes = limit (memory->usage->limit);
    }
    if (memory->swap_usage != NULL)
      out->swap_bytes = memory->swap_usage->usage;
  }
  if (cgroup->pids_stats != NULL) {
    out->pids = cgroup->pids_stats->current;
    out->pids_limit = limit (cgroup->pids_stats->limit);
  }
  for (size_t i = 0; cgroup->blkio_stats != NULL && i < cgroup->blkio_stats->n_io_service_bytes_recursive; i++) {
    const Grpc__BlkioStatsEntry *entry = cgroup->blkio_stats->io_service_bytes_recursive[i];
    if (entry->op != NULL && g_ascii_strcasecmp (entry->op, "read") == 0)
      out->read_bytes = add (out->read_bytes, entry->value);
    else if (entry->op != NULL && g_ascii_strcasecmp (entry->op, "write") == 0)
      out->write_bytes = add (out->write_bytes, entry->value);
  }
}

static void
network_add (struct kata_agent_stats *out, const Grpc__NetworkStats *network)
{
  if (network->name != NULL && strcmp (network->name, "lo") == 0)
    return;
  out->rx_bytes = add (out->rx_bytes, network->rx_bytes);
  out->rx_packets = add (out->rx_packets, network->rx_packets);
  out->tx_bytes = add (out->tx_bytes, network->tx_bytes);
  out->tx_packets = add (out->tx_packets, network->tx_packets);
}

int
kata_agent__stats (kata_agent *agent, const char *container_id, struct kata_agent_stats *out, int64_t timeout_ms,
                   kata_error **err)
{
  Grpc__StatsContainerRequest request = GRPC__STATS_CONTAINER_REQUEST__INIT;
  Grpc__StatsContainerResponse *reply;
  const struct kata_agent_call call = {
    .method = "StatsContainer", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  int r = kata_agent__call_reply (agent, &call, &grpc__stats_container_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  memset (out, 0, sizeof *out);
  out->memory_limit_bytes = out->pids_limit = UINT64_MAX;
  if (reply->cgroup_stats != NULL)
    cgroup_copy (out, reply->cgroup_stats);
  for (size_t i = 0; i < reply->n_network_stats; i++)
    network_add (out, reply->network_stats[i]);
  kata_agent__message_free (reply);
  return 0;
}
