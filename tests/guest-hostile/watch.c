/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: reads /proc, keeps the worst. A vCPU's thread is the guest's own time and is not held against anybody. */
#include "watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t
read_text (const char *path, char *to, size_t size)
{
  FILE *file = fopen (path, "re");
  if (file == NULL)
    return 0;
  size_t n = fread (to, 1, size - 1, file);
  fclose (file);
  to[n] = '\0';
  return n;
}

/* utime and stime are the 14th and 15th word; the second may have blanks in it. */
static bool
read_thread (struct watch_thread *thread, pid_t pid)
{
  char path[64], text[1024];
  unsigned long user = 0, system = 0;
  snprintf (path, sizeof path, "/proc/%d/task/%d/stat", (int) pid, (int) thread->tid);
  if (read_text (path, text, sizeof text) == 0)
    return false;
  char *open = strchr (text, '('), *close = strrchr (text, ')');
  if (open == NULL || close == NULL ||
      sscanf (close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    return false;
  *close = '\0';
  snprintf (thread->name, sizeof thread->name, "%.15s", open + 1);
  thread->ignored = strncmp (thread->name, "vmm-vcpu", 8) == 0 || strcmp (thread->name, WATCH_NOT_THESE) == 0;
  thread->now_ms = (long) (user + system) * 1000 / sysconf (_SC_CLK_TCK);
  return true;
}

static struct watch_thread *
find (struct watch *watch, pid_t tid)
{
  for (size_t i = 0; i < watch->n_threads; i++)
    if (watch->threads[i].tid == tid)
      return &watch->threads[i];
  if (watch->n_threads == WATCH_THREADS)
    return NULL;
  struct watch_thread *thread = &watch->threads[watch->n_threads++];
  *thread = (struct watch_thread){ .tid = tid };
  return thread;
}

static void
read_threads (struct watch *watch)
{
  char path[64];
  snprintf (path, sizeof path, "/proc/%d/task", (int) watch->pid);
  DIR *folder = opendir (path);
  for (struct dirent *entry; folder != NULL && (entry = readdir (folder)) != NULL;) {
    pid_t tid = atoi (entry->d_name);
    struct watch_thread *thread = tid > 0 && tid != watch->not_this ? find (watch, tid) : NULL;
    if (thread != NULL)
      read_thread (thread, watch->pid);
  }
  if (folder != NULL)
    closedir (folder);
}

long
watch_memory_kib (pid_t pid)
{
  char path[64], text[4096];
  long anon = 0, file = 0;
  snprintf (path, sizeof path, "/proc/%d/status", (int) pid);
  if (read_text (path, text, sizeof text) == 0)
    return 0;
  const char *at = strstr (text, "RssAnon:");
  if (at != NULL)
    sscanf (at, "RssAnon: %ld", &anon);
  at = strstr (text, "RssFile:");
  if (at != NULL)
    sscanf (at, "RssFile: %ld", &file);
  return anon + file;
}

size_t
watch_descriptors (pid_t pid)
{
  char path[64];
  size_t n = 0;
  snprintf (path, sizeof path, "/proc/%d/fd", (int) pid);
  DIR *folder = opendir (path);
  for (struct dirent *entry; folder != NULL && (entry = readdir (folder)) != NULL;)
    n += entry->d_name[0] != '.';
  if (folder != NULL)
    closedir (folder);
  return n;
}

void
watch_begin (struct watch *watch, pid_t pid, pid_t not_this)
{
  *watch = (struct watch){ .pid = pid, .not_this = not_this };
  watch_progress (watch, true);
}

void
watch_progress (struct watch *watch, bool base)
{
  read_threads (watch);
  for (size_t i = 0; i < watch->n_threads; i++)
    watch->threads[i].at_progress_ms = watch->threads[i].now_ms;
  if (base)
    watch->base_kib = watch->peak_kib = watch_memory_kib (watch->pid);
}

long
watch_look (struct watch *watch)
{
  long worst = 0, kib = watch_memory_kib (watch->pid);
  read_threads (watch);
  for (size_t i = 0; i < watch->n_threads; i++) {
    const struct watch_thread *thread = &watch->threads[i];
    long worked = thread->now_ms - thread->at_progress_ms;
    if (thread->ignored)
      continue;
    if (worked > worst)
      worst = worked;
    if (worked > watch->worst_ms) {
      watch->worst_ms = worked;
      memcpy (watch->worst_name, thread->name, sizeof watch->worst_name);
    }
  }
  if (kib > watch->peak_kib)
    watch->peak_kib = kib;
  return worst;
}
