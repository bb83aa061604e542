/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: verbs on a container's cgroup; limits are crun's, counters are stats.c's. */
#include "cgroup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"

#define FREEZE_TRIES    500
#define FREEZE_PAUSE_MS 10

static void
pause_ms (long ms)
{
  struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
  nanosleep (&pause, NULL);
}

void
cgroup_enable_controllers (const char *directory)
{
  char path[256], names[512], word[64];
  char *rest = NULL;
  snprintf (path, sizeof path, "%s/cgroup.controllers", directory);
  if (file_read (path, names, sizeof names) <= 0)
    return;
  snprintf (path, sizeof path, "%s/cgroup.subtree_control", directory);
  for (char *name = strtok_r (names, " \n", &rest); name; name = strtok_r (NULL, " \n", &rest)) {
    snprintf (word, sizeof word, "+%s", name);
    file_write (path, word); /* one by one: some need what this kernel lacks */
  }
}

void
cgroup_path (char *out, size_t size, const char *container_id, const char *name)
{
  snprintf (out, size, CGROUP_ROOT CGROUP_PARENT "/%s%s%s", container_id, *name ? "/" : "", name);
}

int
cgroup_freeze (const char *container_id, int freeze, struct fault *fault)
{
  char path[300], text[256];
  cgroup_path (path, sizeof path, container_id, "cgroup.freeze");
  if (file_write (path, freeze ? "1" : "0") < 0)
    return fault_errno (fault, "cannot %s container %s: %s", freeze ? "pause" : "resume", container_id, path);
  cgroup_path (path, sizeof path, container_id, "cgroup.events");
  for (int i = 0; i < FREEZE_TRIES; i++) {
    if (file_read (path, text, sizeof text) < 0)
      return fault_errno (fault, "container %s: %s", container_id, path);
    if (!!strstr (text, "frozen 1") == freeze)
      return 0;
    pause_ms (FREEZE_PAUSE_MS);
  }
  if (freeze) {
    cgroup_path (path, sizeof path, container_id, "cgroup.freeze");
    file_write (path, "0");
  }
  return fault_set (fault, TTRPC_DEADLINE_EXCEEDED, "container %s does not %s within %d s", container_id,
                    freeze ? "freeze" : "thaw", FREEZE_TRIES * FREEZE_PAUSE_MS / 1000);
}

/* Kernels before 5.14 have no cgroup.kill. Repeated, as members fork meanwhile. */
static int
kill_members (const char *container_id)
{
  char path[300], text[4096];
  cgroup_path (path, sizeof path, container_id, "cgroup.procs");
  for (int i = 0; i < 50; i++) {
    char *at = text;
    int64_t len = file_read (path, text, sizeof text);
    if (len < 0)
      return -1;
    if (len == 0)
      return 0;
    for (long pid; (pid = strtol (at, &at, 10)) > 1;)
      kill ((pid_t) pid, SIGKILL);
    pause_ms (FREEZE_PAUSE_MS);
  }
  return 0;
}

int
cgroup_kill (const char *container_id)
{
  char path[300];
  cgroup_path (path, sizeof path, container_id, "cgroup.kill");
  if (file_write (path, "1") == 0)
    return 0;
  return kill_members (container_id);
}

void
cgroup_remove (const char *container_id)
{
  char path[300];
  cgroup_path (path, sizeof path, container_id, "");
  for (int i = 0; i < 50 && rmdir (path) < 0 && errno == EBUSY; i++)
    pause_ms (FREEZE_PAUSE_MS);
}
