/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stats: cgroup v2 files to the protocol's cgroup v1 words. */
#include "stats.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>

#include "cgroup.h"
#include "file.h"
#include "mem.h"

#define TEXT_MAX     8192
#define ENTRIES_MAX  128
#define NETWORKS_MAX 64

static uint64_t
read_number (const char *id, const char *name, uint64_t fallback)
{
  char path[300];
  cgroup_path (path, sizeof path, id, name);
  return file_read_number (path, fallback);
}

static char *
read_text (const char *id, const char *name)
{
  char path[300];
  char *text = mem_zero (TEXT_MAX);
  cgroup_path (path, sizeof path, id, name);
  if (file_read (path, text, TEXT_MAX) < 0)
    text[0] = 0;
  return text;
}

/* The value after "@key " at the start of a line. */
static uint64_t
value_of (const char *text, const char *key)
{
  size_t len = strlen (key);
  for (const char *line = text; line && *line; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (strncmp (line, key, len) == 0 && line[len] == ' ')
      return strtoull (line + len, NULL, 10);
  }
  return 0;
}

#define SET(message, field, number) ((message)->has_##field = 1, (message)->field = (number))

static Grpc__CpuStats *
collect_cpu (const char *id)
{
  auto_free char *text = read_text (id, "cpu.stat");
  Grpc__CpuStats *cpu = mem_zero (sizeof *cpu);
  grpc__cpu_stats__init (cpu);
  cpu->cpu_usage = mem_zero (sizeof *cpu->cpu_usage);
  grpc__cpu_usage__init (cpu->cpu_usage);
  SET (cpu->cpu_usage, total_usage, value_of (text, "usage_usec") * 1000);
  SET (cpu->cpu_usage, usage_in_usermode, value_of (text, "user_usec") * 1000);
  SET (cpu->cpu_usage, usage_in_kernelmode, value_of (text, "system_usec") * 1000);
  cpu->throttling_data = mem_zero (sizeof *cpu->throttling_data);
  grpc__throttling_data__init (cpu->throttling_data);
  SET (cpu->throttling_data, periods, value_of (text, "nr_periods"));
  SET (cpu->throttling_data, throttled_periods, value_of (text, "nr_throttled"));
  SET (cpu->throttling_data, throttled_time, value_of (text, "throttled_usec") * 1000);
  return cpu;
}

static Grpc__MemoryData *
memory_data (const char *id, const char *prefix, const char *events, const char *fail_key)
{
  char name[64];
  auto_free char *text = read_text (id, events);
  Grpc__MemoryData *data = mem_zero (sizeof *data);
  grpc__memory_data__init (data);
  snprintf (name, sizeof name, "%s.current", prefix);
  SET (data, usage, read_number (id, name, 0));
  snprintf (name, sizeof name, "%s.peak", prefix);
  SET (data, max_usage, read_number (id, name, 0));
  snprintf (name, sizeof name, "%s.max", prefix);
  SET (data, limit, read_number (id, name, UINT64_MAX)); /* "max" */
  SET (data, failcnt, value_of (text, fail_key));
  return data;
}

static void
collect_memory_map (Grpc__MemoryStats *memory, char *text)
{
  char *rest = NULL;
  memory->stats = mem_zero (ENTRIES_MAX * sizeof *memory->stats);
  for (char *line = strtok_r (text, "\n", &rest); line && memory->n_stats < ENTRIES_MAX;
       line = strtok_r (NULL, "\n", &rest)) {
    char *space = strchr (line, ' ');
    if (!space)
      continue;
    *space = 0;
    Grpc__MemoryStats__StatsEntry *entry = mem_zero (sizeof *entry);
    grpc__memory_stats__stats_entry__init (entry);
    entry->key = mem_text (line);
    SET (entry, value, strtoull (space + 1, NULL, 10));
    memory->stats[memory->n_stats++] = entry;
  }
}

static Grpc__MemoryStats *
collect_memory (const char *id)
{
  auto_free char *text = read_text (id, "memory.stat");
  Grpc__MemoryStats *memory = mem_zero (sizeof *memory);
  grpc__memory_stats__init (memory);
  SET (memory, cache, value_of (text, "file"));
  SET (memory, use_hierarchy, 1);
  memory->usage = memory_data (id, "memory", "memory.events", "max");
  memory->swap_usage = memory_data (id, "memory.swap", "memory.swap.events", "fail");
  memory->kernel_usage = mem_zero (sizeof *memory->kernel_usage);
  grpc__memory_data__init (memory->kernel_usage);
  SET (memory->kernel_usage, usage, value_of (text, "kernel"));
  collect_memory_map (memory, text);
  return memory;
}

static void
add_block (Grpc__BlkioStatsEntry ***list, size_t *count, uint64_t major, uint64_t minor, const char *op, uint64_t value)
{
  if (!*list)
    *list = mem_zero (ENTRIES_MAX * sizeof **list);
  if (*count == ENTRIES_MAX)
    return;
  Grpc__BlkioStatsEntry *entry = mem_zero (sizeof *entry);
  grpc__blkio_stats_entry__init (entry);
  SET (entry, major, major);
  SET (entry, minor, minor);
  SET (entry, value, value);
  entry->op = mem_text (op);
  (*list)[(*count)++] = entry;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static Grpc__BlkioStats *
collect_block (const char *id)
{
  auto_free char *text = read_text (id, "io.stat");
  Grpc__BlkioStats *block = mem_zero (sizeof *block);
  char *rest = NULL;
  grpc__blkio_stats__init (block);
  for (char *line = strtok_r (text, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
    uint64_t major, minor, rbytes, wbytes, rios, wios;
    if (sscanf (line, "%" SCNu64 ":%" SCNu64 " rbytes=%" SCNu64 " wbytes=%" SCNu64 " rios=%" SCNu64 " wios=%" SCNu64,
                &major, &minor, &rbytes, &wbytes, &rios, &wios) != 6)
      continue;
    add_block (&block->io_service_bytes_recursive, &block->n_io_service_bytes_recursive, major, minor, "Read", rbytes);
    add_block (&block->io_service_bytes_recursive, &block->n_io_service_bytes_recursive, major, minor, "Write", wbytes);
    add_block (&block->io_serviced_recursive, &block->n_io_serviced_recursive, major, minor, "Read", rios);
    add_block (&block->io_serviced_recursive, &block->n_io_serviced_recursive, major, minor, "Write", wios);
  }
  return block;
}

/* One entry per "hugetlb.<size>.current". */
static void
collect_hugetlb (const char *id, Grpc__CgroupStats *stats)
{
  char path[300], size[32], name[64];
  cgroup_path (path, sizeof path, id, "");
  DIR *dir = opendir (path);
  struct dirent *file;
  while (dir && (file = readdir (dir)) && stats->n_hugetlb_stats < 8) {
    if (sscanf (file->d_name, "hugetlb.%31[0-9A-Z].curren%1[t]", size, name) != 2)
      continue;
    if (!stats->hugetlb_stats)
      stats->hugetlb_stats = mem_zero (8 * sizeof *stats->hugetlb_stats);
    Grpc__CgroupStats__HugetlbStatsEntry *entry = mem_zero (sizeof *entry);
    grpc__cgroup_stats__hugetlb_stats_entry__init (entry);
    entry->key = mem_text (size);
    entry->value = mem_zero (sizeof *entry->value);
    grpc__hugetlb_stats__init (entry->value);
    SET (entry->value, usage, read_number (id, file->d_name, 0));
    snprintf (name, sizeof name, "hugetlb.%s.events", size);
    auto_free char *events = read_text (id, name);
    SET (entry->value, failcnt, value_of (events, "max"));
    stats->hugetlb_stats[stats->n_hugetlb_stats++] = entry;
  }
  if (dir)
    closedir (dir);
}

/* Interfaces belong to the pod, so every container reports all of them but the loopback. */
static void
collect_networks (Grpc__StatsContainerResponse *out)
{
  auto_free char *text = mem_zero (TEXT_MAX);
  char *rest = NULL;
  if (file_read ("/proc/net/dev", text, TEXT_MAX) < 0)
    return;
  out->network_stats = mem_zero (NETWORKS_MAX * sizeof *out->network_stats);
  for (char *line = strtok_r (text, "\n", &rest); line && out->n_network_stats < NETWORKS_MAX;
       line = strtok_r (NULL, "\n", &rest)) {
    uint64_t n[12];
    char name[32];
    if (sscanf (line,
                " %31[^: ]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11]) != 13 ||
        text_is (name, "lo"))
      continue;
    Grpc__NetworkStats *entry = mem_zero (sizeof *entry);
    grpc__network_stats__init (entry);
    entry->name = mem_text (name);
    SET (entry, rx_bytes, n[0]);
    SET (entry, rx_packets, n[1]);
    SET (entry, rx_errors, n[2]);
    SET (entry, rx_dropped, n[3]);
    SET (entry, tx_bytes, n[8]);
    SET (entry, tx_packets, n[9]);
    SET (entry, tx_errors, n[10]);
    SET (entry, tx_dropped, n[11]);
    out->network_stats[out->n_network_stats++] = entry;
  }
}

void
stats_collect (const char *container_id, Grpc__StatsContainerResponse *out)
{
  Grpc__CgroupStats *stats = mem_zero (sizeof *stats);
  grpc__cgroup_stats__init (stats);
  out->cgroup_stats = stats;
  stats->cpu_stats = collect_cpu (container_id);
  stats->memory_stats = collect_memory (container_id);
  stats->pids_stats = mem_zero (sizeof *stats->pids_stats);
  grpc__pids_stats__init (stats->pids_stats);
  SET (stats->pids_stats, current, read_number (container_id, "pids.current", 0));
  SET (stats->pids_stats, limit,
       read_number (container_id, "pids.max", 0)); /* 0 = no limit, as in cgroup v1's reports */
  stats->blkio_stats = collect_block (container_id);
  collect_hugetlb (container_id, stats);
  collect_networks (out);
}
