/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: what /proc says of one process of the host, as metrics in Kata's words. */
#include "metrics/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX   8192u
#define LABELS_MAX 4u

/* Lines of /proc/PID/status and /proc/PID/io that are told, and by which name. */
static const struct {
  const char *field, *item;
  guint64 unit;
} status_rows[] = { { "VmHWM:", "hwm", 1024 },
                    { "VmSwap:", "vmswap", 1024 },
                    { "VmData:", "vmdata", 1024 },
                    { "RssAnon:", "rssanon", 1024 },
                    { "RssFile:", "rssfile", 1024 },
                    { "RssShmem:", "rssshmem", 1024 },
                    { "VmPTE:", "vmpte", 1024 },
                    { "voluntary_ctxt_switches:", "voluntary_ctxt_switches", 1 },
                    { "nonvoluntary_ctxt_switches:", "nonvoluntary_ctxt_switches", 1 } },
  io_rows[] = { { "rchar:", "rchar", 1 }, { "wchar:", "wchar", 1 },          { "syscr:", "syscr", 1 },
                { "syscw:", "syscw", 1 }, { "read_bytes:", "readbytes", 1 }, { "write_bytes:", "writebytes", 1 } };

struct metrics_process {
  char name[64];
  double cpu_seconds, start_seconds;
  guint64 threads, virtual_bytes, resident_bytes, fds;
  char *status, *io; /* (nullable): the files */
};

static char *
read_file (int directory, const char *name)
{
  int fd = openat (directory, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  char *text = g_malloc (TEXT_MAX);
  gsize length = 0;
  ssize_t n;
  while (length + 1 < TEXT_MAX && (n = read (fd, text + length, TEXT_MAX - 1 - length)) > 0)
    length += (gsize) n;
  text[length] = 0;
  close (fd);
  return text;
}

static guint64
count_fds (int directory)
{
  int fd = openat (directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir (fd);
  guint64 n = 0;
  if (!dir) {
    if (fd >= 0)
      close (fd);
    return 0;
  }
  for (const struct dirent *entry; (entry = readdir (dir));)
    n += entry->d_name[0] != '.';
  closedir (dir);
  return n;
}

/* Time of the host's boot, in seconds since 1970. */
static double
boot_seconds (void)
{
  struct timespec wall, up;
  if (clock_gettime (CLOCK_REALTIME, &wall) < 0 || clock_gettime (CLOCK_BOOTTIME, &up) < 0)
    return 0;
  return (double) (wall.tv_sec - up.tv_sec) + (double) (wall.tv_nsec - up.tv_nsec) / 1e9;
}

/* "PID (name) S …"; the name may hold blanks and brackets. */
static gboolean
parse_stat (metrics_process *process, const char *text)
{
  const char *open = strchr (text, '('), *close = strrchr (text, ')');
  unsigned long long user, system, threads, start, virtual;
  long long resident;
  if (!open || !close || close < open ||
      sscanf (close + 1,
              " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %llu %*d %llu %llu %lld", &user,
              &system, &threads, &start, &virtual, &resident) != 6)
    return FALSE;
  double tick = (double) sysconf (_SC_CLK_TCK);
  g_snprintf (process->name, sizeof process->name, "%.*s", (int) (close - open - 1), open + 1);
  process->cpu_seconds = (double) (user + system) / tick;
  process->start_seconds = boot_seconds () + (double) start / tick;
  process->threads = threads;
  process->virtual_bytes = virtual;
  process->resident_bytes = (guint64) MAX (resident, 0) * (guint64) sysconf (_SC_PAGESIZE);
  return TRUE;
}

metrics_process *
metrics_process_read (gint64 pid)
{
  char path[48];
  g_snprintf (path, sizeof path, "/proc/%" G_GINT64_FORMAT, pid);
  /* Through one descriptor: a process that gets the number meanwhile is not mixed in. */
  int directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return NULL;
  g_autofree char *stat = read_file (directory, "stat");
  metrics_process *process = g_new0 (metrics_process, 1);
  gboolean known = stat && parse_stat (process, stat);
  if (known) {
    process->status = read_file (directory, "status");
    process->io = read_file (directory, "io");
    process->fds = count_fds (directory);
  }
  close (directory);
  if (known)
    return process;
  metrics_process_free (process);
  return NULL;
}

void
metrics_process_free (metrics_process *process)
{
  g_free (process->status);
  g_free (process->io);
  g_free (process);
}

const char *
metrics_process_name (const metrics_process *process)
{
  return process->name;
}

/* The number behind @field at the beginning of a line. */
static gboolean
find_number (const char *text, const char *field, guint64 *value)
{
  for (const char *line = text; line; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (g_str_has_prefix (line, field)) {
      *value = g_ascii_strtoull (line + strlen (field), NULL, 10);
      return TRUE;
    }
  }
  return FALSE;
}

static void
write_items (GString *text, const char *name, const char *help, const metrics_label *labels,
             const metrics_process *process, gboolean io)
{
  metrics_label all[LABELS_MAX + 2] = { { NULL, NULL } };
  gsize n = 0, n_rows = io ? G_N_ELEMENTS (io_rows) : G_N_ELEMENTS (status_rows);
  const char *file = io ? process->io : process->status;
  if (!file)
    return;
  for (; n < LABELS_MAX && labels[n].name; n++)
    all[n] = labels[n];
  metrics_text_family (text, name, "gauge", help);
  for (gsize i = 0; i < n_rows; i++) {
    guint64 value;
    if (!find_number (file, io ? io_rows[i].field : status_rows[i].field, &value))
      continue;
    all[n] = (metrics_label){ "item", io ? io_rows[i].item : status_rows[i].item };
    metrics_text_uint (text, name, all, value * (io ? io_rows[i].unit : status_rows[i].unit));
  }
}

void
metrics_process_write (GString *text, const char *prefix, const metrics_label *labels, const metrics_process *process)
{
  const struct {
    const char *name, *type, *help;
    double value;
  } rows[] = {
    { "threads", "gauge", "Threads of the process.", (double) process->threads },
    { "fds", "gauge", "Open descriptors of the process.", (double) process->fds },
    { "process_cpu_seconds_total", "counter", "Processor time of the process, user and system.", process->cpu_seconds },
    { "process_resident_memory_bytes", "gauge", "Resident memory of the process.", (double) process->resident_bytes },
    { "process_virtual_memory_bytes", "gauge", "Virtual memory of the process.", (double) process->virtual_bytes },
    { "process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.", process->start_seconds },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *name = g_strconcat (prefix, "_", rows[i].name, NULL);
    metrics_text_family (text, name, rows[i].type, rows[i].help);
    metrics_text_double (text, name, labels, rows[i].value);
  }
  g_autofree char *status = g_strconcat (prefix, "_proc_status", NULL);
  g_autofree char *io = g_strconcat (prefix, "_io_stat", NULL);
  write_items (text, status, "What /proc/PID/status says: bytes, and counts of switches.", labels, process, FALSE);
  write_items (text, io, "What /proc/PID/io says: bytes, and counts of calls.", labels, process, TRUE);
}
