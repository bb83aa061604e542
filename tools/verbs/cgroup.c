/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: cgroup v1, v2 and both at once, by the mounts that there are. */
#include "verbs/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "a-b-c.slice" is in a.slice/a-b.slice. */
static char *
expand_slice (const char *slice)
{
  GString *path = g_string_new (NULL);
  g_autofree char *stem = g_str_has_suffix (slice, ".slice") ? g_strndup (slice, strlen (slice) - 6) : g_strdup (slice);
  for (const char *dash = strchr (stem, '-'); dash; dash = strchr (dash + 1, '-'))
    g_string_append_printf (path, "/%.*s.slice", (int) (dash - stem), stem);
  g_string_append_printf (path, "/%s.slice", stem);
  return g_string_free (path, FALSE);
}

char *
cgroup_path (const char *written, int systemd)
{
  g_autofree char *path = NULL;
  if (!*written)
    return NULL;
  if (systemd) {
    g_auto (GStrv) parts = g_strsplit (written, ":", 3);
    if (g_strv_length (parts) != 3)
      return NULL;
    g_autofree char *slice = expand_slice (*parts[0] ? parts[0] : "system.slice");
    path = *parts[1] ? g_strdup_printf ("%s/%s-%s.scope", slice, parts[1], parts[2])
                     : g_strdup_printf ("%s/%s", slice, parts[2]);
  } else {
    path = g_strdup_printf ("%s%s", *written == '/' ? "" : "/", written);
  }
  g_auto (GStrv) steps = g_strsplit (path, "/", -1);
  int named = 0;
  for (char **step = steps; *step; step++) {
    if (strcmp (*step, "..") == 0 || strlen (*step) > 255)
      return NULL;
    named = named || (**step && strcmp (*step, ".") != 0);
  }
  return named ? g_steal_pointer (&path) : NULL;
}

typedef void (*visit_fn) (int root, const char *path, int64_t pid);

/* Each hierarchy once. cpuset is left out: a new group has no processors and takes nobody. */
static void
for_each_hierarchy (visit_fn visit, const char *path, int64_t pid)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    return;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    const char *tail = strstr (*line, " - cgroup");
    char point[4096];
    if (!tail || strstr (tail, "cpuset") || sscanf (*line, "%*s %*s %*s / %4095s", point) != 1)
      continue;
    int root = open (point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
      continue;
    visit (root, path, pid);
    close (root);
  }
}

static void
enter_one (int root, const char *path, int64_t pid)
{
  g_auto (GStrv) steps = g_strsplit (path, "/", -1);
  char number[32];
  int at = dup (root);
  for (char **step = steps; *step && at >= 0; step++) {
    if (!**step)
      continue;
    mkdirat (at, *step, 0755);
    int next = openat (at, *step, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    close (at);
    at = next;
  }
  int fd = at < 0 ? -1 : openat (at, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  int length = g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, pid);
  if (fd >= 0 && write (fd, number, (size_t) length) < 0)
    g_debug ("cgroup %s does not take a process", path);
  if (fd >= 0)
    close (fd);
  if (at >= 0)
    close (at);
}

static void
remove_one (int root, const char *path, int64_t pid)
{
  while (*path == '/')
    path++;
  unlinkat (root, path, AT_REMOVEDIR); /* there are no links in a cgroup file system */
}

void
cgroup_enter (const char *path, int64_t pid)
{
  for_each_hierarchy (enter_one, path, pid);
}

void
cgroup_remove (const char *path)
{
  for_each_hierarchy (remove_one, path, 0);
}
