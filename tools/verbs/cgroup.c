/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: cgroup v1, v2 and both at once, by the mounts that there are. */
#include "verbs/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/parents.h"

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
  g_autoptr (GString) plain = g_string_new (NULL);
  for (char **step = steps; *step; step++) {
    if (strcmp (*step, "..") == 0 || strlen (*step) > 255 || strchr (*step, '\n'))
      return NULL;
    if (**step && strcmp (*step, ".") != 0)
      g_string_append_printf (plain, "/%s", *step);
  }
  return plain->len > 0 ? g_string_free (g_steal_pointer (&plain), FALSE) : NULL;
}

/* A hierarchy, by the place where it is mounted. */
struct place {
  int root;
  const char *point;
  parents *parents; /* (nullable) */
};

typedef void (*visit_fn) (const struct place *place, const char *path, int64_t pid);

/* Each hierarchy once. cpuset is left out: a new group has no processors and takes nobody. */
static void
for_each_hierarchy (oci *oci, visit_fn visit, const char *path, int64_t pid)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    return;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  parents *parents = parents_open (oci);
  for (char **line = lines; *line; line++) {
    const char *tail = strstr (*line, " - cgroup");
    char point[4096];
    if (!tail || strstr (tail, "cpuset") || sscanf (*line, "%*s %*s %*s / %4095s", point) != 1)
      continue;
    struct place place = { open (point, O_PATH | O_DIRECTORY | O_CLOEXEC), point, parents };
    if (place.root < 0)
      continue;
    visit (&place, path, pid);
    close (place.root);
  }
  parents_close (parents);
}

/* Notes a folder that is to be a parent, as the library's journal does: before the effect, and what it became after it. */
static void
make_parent (const struct place *place, int at, const char *name, const char *path)
{
  struct stat st;
  if (fstatat (at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    return;
  parents_intend (place->parents, path);
  if (mkdirat (at, name, 0755) == 0 && fstatat (at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    parents_made (place->parents, path, st.st_ino);
  else
    parents_forget (place->parents, path);
}

static void
enter_one (const struct place *place, const char *path, int64_t pid)
{
  g_auto (GStrv) steps = g_strsplit (path, "/", -1);
  g_autoptr (GString) whole = g_string_new (place->point);
  char number[32];
  int at = dup (place->root);
  for (char **step = steps; *step && at >= 0; step++) {
    if (!**step)
      continue;
    g_string_append_printf (whole, "/%s", *step);
    if (step[1])
      make_parent (place, at, *step, whole->str);
    else
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

/* And upwards what was made here, as long as it is empty: another container of ours takes the rest with it. */
static void
remove_one (const struct place *place, const char *path, int64_t pid)
{
  g_autofree char *below = g_strdup (path + strspn (path, "/"));
  struct stat st;
  char *end;
  unlinkat (place->root, below, AT_REMOVEDIR); /* there are no links in a cgroup file system */
  while ((end = strrchr (below, '/')) != NULL) {
    *end = 0;
    g_autofree char *whole = g_strdup_printf ("%s/%s", place->point, below);
    if (fstatat (place->root, below, &st, AT_SYMLINK_NOFOLLOW) < 0 || !parents_has (place->parents, whole, st.st_ino))
      continue;
    if (unlinkat (place->root, below, AT_REMOVEDIR) < 0 && errno != ENOENT)
      return;
    parents_forget (place->parents, whole);
  }
}

void
cgroup_enter (oci *oci, const char *path, int64_t pid)
{
  for_each_hierarchy (oci, enter_one, path, pid);
}

void
cgroup_remove (oci *oci, const char *path)
{
  for_each_hierarchy (oci, remove_one, path, 0);
}
