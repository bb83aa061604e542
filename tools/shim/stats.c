/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: a container's counters as the cgroup metrics that containerd's clients read. */
#include <linux/magic.h>
#include <sys/vfs.h>

#include "messages/metrics.pb-c.h"
#include "messages/task.pb-c.h"
#include "service.h"

#define USEC(ns) ((ns) / 1000)

static int32_t
wrap (answer *answer, const char *type, const ProtobufCMessage *metrics)
{
  Shim__StatsResponse response = SHIM__STATS_RESPONSE__INIT;
  Shim__Any any = SHIM__ANY__INIT;
  g_autofree uint8_t *value = g_malloc (protobuf_c_message_get_packed_size (metrics) + 1);
  any.type_url = (char *) type;
  any.value.data = value;
  any.value.len = protobuf_c_message_pack (metrics, value);
  response.stats = &any;
  return answer_pack (answer, &response.base);
}

/* The guest's page cache of the container stands for its inactive files: what clients subtract to get the working set. */
static int32_t
answer_v2 (answer *answer, const kata_container_stats *s, Shim__V1Pids *pids, Shim__Network **network)
{
  Shim__V2Metrics metrics = SHIM__V2_METRICS__INIT;
  Shim__V2Cpu cpu = SHIM__V2_CPU__INIT;
  Shim__V2Memory memory = SHIM__V2_MEMORY__INIT;
  Shim__V2IO io = SHIM__V2_IO__INIT;
  Shim__V2IOEntry entry = SHIM__V2_IOENTRY__INIT, *entries[] = { &entry };
  cpu.usage_usec = USEC (s->cpu_total_ns);
  cpu.user_usec = USEC (s->cpu_user_ns);
  cpu.system_usec = USEC (s->cpu_system_ns);
  cpu.throttled_usec = USEC (s->cpu_throttled_ns);
  memory.usage = s->memory_bytes;
  memory.file = memory.inactive_file = s->memory_cache_bytes;
  memory.anon = s->memory_bytes - MIN (s->memory_bytes, s->memory_cache_bytes);
  memory.usage_limit = s->memory_limit_bytes;
  memory.swap_usage = s->swap_bytes;
  memory.max_usage = s->memory_peak_bytes;
  entry.rbytes = s->read_bytes;
  entry.wbytes = s->write_bytes;
  io.n_usage = 1;
  io.usage = entries;
  metrics.pids = pids;
  metrics.cpu = &cpu;
  metrics.memory = &memory;
  metrics.io = &io;
  metrics.n_network = 1;
  metrics.network = network;
  return wrap (answer, "io.containerd.cgroups.v2.Metrics", &metrics.base);
}

static int32_t
answer_v1 (answer *answer, const kata_container_stats *s, Shim__V1Pids *pids, Shim__Network **network)
{
  Shim__V1Metrics metrics = SHIM__V1_METRICS__INIT;
  Shim__V1Cpu cpu = SHIM__V1_CPU__INIT;
  Shim__V1CpuUsage usage = SHIM__V1_CPU_USAGE__INIT;
  Shim__V1Throttle throttle = SHIM__V1_THROTTLE__INIT;
  Shim__V1Memory memory = SHIM__V1_MEMORY__INIT;
  Shim__V1MemoryEntry used = SHIM__V1_MEMORY_ENTRY__INIT, swap = SHIM__V1_MEMORY_ENTRY__INIT;
  Shim__V1BlkEntry in = SHIM__V1_BLK_ENTRY__INIT, out = SHIM__V1_BLK_ENTRY__INIT, *entries[] = { &in, &out };
  Shim__V1Blk blk = SHIM__V1_BLK__INIT;
  usage.total = s->cpu_total_ns;
  usage.kernel = s->cpu_system_ns;
  usage.user = s->cpu_user_ns;
  throttle.throttled_time = s->cpu_throttled_ns;
  cpu.usage = &usage;
  cpu.throttling = &throttle;
  used.usage = s->memory_bytes;
  used.max = s->memory_limit_bytes;
  used.peak = s->memory_peak_bytes;
  swap.usage = s->memory_bytes + s->swap_bytes; /* v1's "memsw" counts both */
  memory.cache = memory.total_cache = memory.total_inactive_file = s->memory_cache_bytes;
  memory.rss = memory.total_rss = s->memory_bytes - MIN (s->memory_bytes, s->memory_cache_bytes);
  memory.hierarchical_memory_limit = s->memory_limit_bytes;
  memory.usage = &used;
  memory.swap = &swap;
  in.op = (char *) "Read";
  in.value = s->read_bytes;
  out.op = (char *) "Write";
  out.value = s->write_bytes;
  blk.n_io_service_bytes = 2;
  blk.io_service_bytes = entries;
  metrics.pids = pids;
  metrics.cpu = &cpu;
  metrics.memory = &memory;
  metrics.blkio = &blk;
  metrics.n_network = 1;
  metrics.network = network;
  return wrap (answer, "io.containerd.cgroups.v1.Metrics", &metrics.base);
}

int32_t
stats_answer (answer *answer, const kata_container_stats *stats)
{
  Shim__V1Pids pids = SHIM__V1_PIDS__INIT;
  Shim__Network all = SHIM__NETWORK__INIT, *network[] = { &all };
  struct statfs fs;
  pids.current = stats->pids;
  pids.max = stats->pids_limit == UINT64_MAX ? 0 : stats->pids_limit; /* 0 = none */
  all.name = (char *) "eth0";                                         /* the guest's interfaces, taken together */
  all.rx_bytes = stats->rx_bytes;
  all.rx_packets = stats->rx_packets;
  all.tx_bytes = stats->tx_bytes;
  all.tx_packets = stats->tx_packets;
  gboolean v2 = statfs ("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
  return v2 ? answer_v2 (answer, stats, &pids, network) : answer_v1 (answer, stats, &pids, network);
}
