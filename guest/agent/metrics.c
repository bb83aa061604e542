/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* metrics: the guest's and the agent's figures as Prometheus text. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "guest.h"
#include "mem.h"

#define METRICS_MAX 32768

struct text {
  char *bytes;
  size_t used;
};

__attribute__ ((format (printf, 2, 3))) static void
add (struct text *text, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  int n = vsnprintf (text->bytes + text->used, METRICS_MAX - text->used, format, args);
  va_end (args);
  if (n > 0 && (size_t) n < METRICS_MAX - text->used)
    text->used += (size_t) n;
  else
    text->bytes[text->used] = 0; /* full: what does not fit whole is left out */
}

static void
add_gauge (struct text *text, const char *name, const char *help, uint64_t value)
{
  add (text, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help, name, name, value);
}

static void
add_memory (struct text *text)
{
  char buffer[4096];
  char *rest = NULL;
  if (file_read ("/proc/meminfo", buffer, sizeof buffer) < 0)
    return;
  add (text, "# HELP kata_guest_meminfo Memory of the guest in bytes.\n# TYPE kata_guest_meminfo gauge\n");
  for (char *line = strtok_r (buffer, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
    char name[40];
    uint64_t kib;
    if (sscanf (line, "%39[A-Za-z]: %" SCNu64 " kB", name, &kib) == 2)
      add (text, "kata_guest_meminfo{item=\"%s\"} %" PRIu64 "\n", name, kib * 1024);
  }
}

static void
add_cpu (struct text *text)
{
  char buffer[512];
  uint64_t n[8] = { 0 };
  static const char *const names[] = { "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal" };
  if (file_read ("/proc/stat", buffer, sizeof buffer) < 0 ||
      sscanf (buffer,
              "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &n[0],
              &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]) < 4)
    return;
  add (text,
       "# HELP kata_guest_cpu_time Clock ticks (1/100 s) of all processors.\n# TYPE kata_guest_cpu_time counter\n");
  for (size_t i = 0; i < 8; i++)
    add (text, "kata_guest_cpu_time{cpu=\"total\",item=\"%s\"} %" PRIu64 "\n", names[i], n[i]);
}

static void
add_network (struct text *text)
{
  char buffer[4096];
  char *rest = NULL;
  if (file_read ("/proc/net/dev", buffer, sizeof buffer) < 0)
    return;
  add (text, "# HELP kata_guest_netdev_stat Network counters.\n# TYPE kata_guest_netdev_stat counter\n");
  for (char *line = strtok_r (buffer, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
    char name[32];
    uint64_t n[9];
    if (sscanf (line,
                " %31[^: ]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                " %" SCNu64 " %" SCNu64,
                name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8]) != 10)
      continue;
    add (text, "kata_guest_netdev_stat{interface=\"%s\",item=\"recv_bytes\"} %" PRIu64 "\n", name, n[0]);
    add (text, "kata_guest_netdev_stat{interface=\"%s\",item=\"xmit_bytes\"} %" PRIu64 "\n", name, n[8]);
  }
}

static void
add_agent (struct text *text, struct agent *agent)
{
  char buffer[512];
  uint64_t size = 0, resident = 0;
  struct timespec used;
  if (file_read ("/proc/self/statm", buffer, sizeof buffer) > 0 &&
      sscanf (buffer, "%" SCNu64 " %" SCNu64, &size, &resident) == 2)
    add_gauge (text, "kata_agent_process_resident_memory_bytes", "Resident memory of the agent.",
               resident * (uint64_t) sysconf (_SC_PAGESIZE));
  if (clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
    add (text,
         "# HELP kata_agent_process_cpu_seconds_total Processor time of the agent.\n"
         "# TYPE kata_agent_process_cpu_seconds_total counter\nkata_agent_process_cpu_seconds_total %.2f\n",
         (double) used.tv_sec + (double) used.tv_nsec / 1e9);
  pthread_mutex_lock (&agent->lock);
  unsigned containers = agent->n_containers, execs = agent->n_execs;
  pthread_mutex_unlock (&agent->lock);
  add_gauge (text, "kata_agent_containers", "Containers that exist.", containers);
  add_gauge (text, "kata_agent_exec_processes", "Exec processes that exist.", execs);
}

char *
guest_metrics (struct agent *agent)
{
  struct text text = { mem_zero (METRICS_MAX), 0 };
  struct sysinfo info;
  add_agent (&text, agent);
  if (sysinfo (&info) == 0) {
    add (&text, "# HELP kata_guest_load Load averages.\n# TYPE kata_guest_load gauge\n");
    for (int i = 0; i < 3; i++)
      add (&text, "kata_guest_load{item=\"load%d\"} %.2f\n",
           i == 0   ? 1
           : i == 1 ? 5
                    : 15,
           (double) info.loads[i] / 65536.0);
    add_gauge (&text, "kata_guest_tasks", "Processes of the guest.", info.procs);
    add_gauge (&text, "kata_guest_uptime_seconds", "Time since the guest's boot.", (uint64_t) info.uptime);
  }
  add_cpu (&text);
  add_memory (&text);
  add_network (&text);
  return text.bytes;
}
