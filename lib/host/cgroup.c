/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: works on paths below the mounted hierarchies; the kernel allows only directories there, and no links. */
#include "host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/pidfd.h"

#define TEXT_MAX       65536
#define MOUNTINFO_MAX  (4u << 20)
#define CPU_PERIOD_US  100000u
#define CPU_QUOTA_MIN  1000u /* the kernel takes no less */
#define REMOVE_WAIT_US 10000
#define REMOVE_MS      3000

/* ---- which hierarchies there are ---- */

static void
hierarchy_clear (void *data)
{
  struct kata_cgroup_hierarchy *hierarchy = data;
  g_free (hierarchy->dir);
  g_free (hierarchy->names);
}

void
kata_cgroups__free (kata_cgroups *cgroups)
{
  if (cgroups == NULL)
    return;
  for (size_t i = 0; i < cgroups->n; i++)
    hierarchy_clear (&cgroups->items[i]);
  g_free (cgroups->items);
  g_free (cgroups);
}

/* "rw,cpu,cpuacct" to "cpu,cpuacct"; "" when nothing in it is counted or limited. */
static char *
controllers (const char *options)
{
  static const char *const wanted[] = { "cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "hugetlb", NULL };
  g_auto (GStrv) words = g_strsplit (options, ",", -1);
  g_autoptr (GString) names = g_string_new (NULL);
  for (size_t i = 0; words[i] != NULL; i++)
    if (g_strv_contains (wanted, words[i]))
      g_string_append_printf (names, "%s%s", names->len > 0 ? "," : "", words[i]);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static bool
is_known (const GArray *items, const struct kata_cgroup_hierarchy *wanted)
{
  for (guint i = 0; i < items->len; i++) {
    const struct kata_cgroup_hierarchy *item = &g_array_index (items, struct kata_cgroup_hierarchy, i);
    if (item->v2 == wanted->v2 && strcmp (item->names, wanted->names) == 0)
      return true;
  }
  return false;
}

/* "36 35 0:29 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw": the fifth word is the place, behind the dash come type, source, options. */
static void
take_mount (GArray *items, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  guint n = g_strv_length (words), dash = 6;
  while (dash < n && strcmp (words[dash], "-") != 0)
    dash++;
  if (dash + 3 >= n)
    return;
  bool v2 = strcmp (words[dash + 1], "cgroup2") == 0;
  if (!v2 && strcmp (words[dash + 1], "cgroup") != 0)
    return;
  struct kata_cgroup_hierarchy item = {
    .dir = g_strcompress (words[4]), /* \040 and the like */
    .names = v2 ? g_strdup ("") : controllers (words[dash + 3]),
    .v2 = v2,
  };
  if (item.dir[0] == '/' && (v2 || item.names[0] != '\0') && !is_known (items, &item))
    g_array_append_val (items, item);
  else
    hierarchy_clear (&item);
}

kata_cgroups *
kata_cgroups__parse (const char *mountinfo)
{
  g_auto (GStrv) lines = g_strsplit (mountinfo, "\n", -1);
  GArray *items = g_array_new (FALSE, FALSE, sizeof (struct kata_cgroup_hierarchy));
  for (size_t i = 0; lines[i] != NULL; i++)
    take_mount (items, lines[i]);
  kata_cgroups *cgroups = g_new0 (kata_cgroups, 1);
  cgroups->n = items->len;
  cgroups->items = (struct kata_cgroup_hierarchy *) (void *) g_array_free (items, FALSE);
  return cgroups;
}

/* Files of the kernel's have no size to ask for. NULL with errno. */
static char *
read_text (const char *path, size_t max)
{
  kata_auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC);
  g_autoptr (GString) text = g_string_new (NULL);
  char part[4096];
  ssize_t n;
  if (fd < 0)
    return NULL;
  while ((n = read (fd, part, sizeof part)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || text->len + (size_t) n > max)
      return NULL;
    g_string_append_len (text, part, n);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

int
kata_cgroups__find (kata_cgroups **out, kata_error **err)
{
  g_autofree char *text = read_text ("/proc/self/mountinfo", MOUNTINFO_MAX);
  if (text == NULL)
    return kata_error__errno (err, KATA_E_IO, "/proc/self/mountinfo", errno, "read /proc/self/mountinfo");
  g_autoptr (kata_cgroups) cgroups = kata_cgroups__parse (text);
  if (cgroups->n == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "cgroup",
                            "cgroup: no control groups are mounted here; mount cgroup2 at /sys/fs/cgroup");
  *out = g_steal_pointer (&cgroups);
  return 0;
}

/* ---- files ---- */

/* One write, as the kernel wants it. 0 or -errno. */
static int
put (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_strdup_printf ("%s/%s", dir, name);
  kata_auto_fd int fd = open (path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return -errno;
  return write (fd, text, strlen (text)) == (ssize_t) strlen (text) ? 0 : errno != 0 ? -errno : -EIO;
}

/* v2: what a cgroup may limit, the one above it must hand down. One that holds processes cannot; then nothing below it is limited. */
static void
hand_down (const char *dir)
{
  static const char *const names[] = { "+cpu", "+cpuset", "+memory", "+pids", "+io", NULL };
  for (size_t i = 0; names[i] != NULL; i++)
    put (dir, "cgroup.subtree_control", names[i]);
}

/* v1: a new cpuset is empty, and takes no process. */
static void
copy_cpuset (const char *from, const char *to)
{
  static const char *const names[] = { "cpuset.cpus", "cpuset.mems", NULL };
  for (size_t i = 0; names[i] != NULL; i++) {
    g_autofree char *source = g_strdup_printf ("%s/%s", from, names[i]);
    g_autofree char *text = read_text (source, TEXT_MAX);
    if (text != NULL)
      put (to, names[i], text);
  }
}

/* ---- what the header says ---- */

static int
is_taken (const char *dir, kata_error **err)
{
  return kata_error__set (err, KATA_E_EXISTS, dir, "cgroup \"%s\": is there already; another sandbox's, or left over",
                          dir);
}

static int
make_one (const char *above, const char *dir, bool leaf, const struct kata_cgroup_hierarchy *hierarchy,
          kata_cgroup_record record, void *data, kata_error **err)
{
  bool there = access (dir, F_OK) == 0;
  if (there && leaf)
    return is_taken (dir, err);
  if (hierarchy->v2)
    hand_down (above);
  if (there)
    return 0;
  int r = record (data, dir, leaf ? KATA_CGROUP_LEAF : KATA_CGROUP_ABOVE, err);
  if (r < 0)
    return r;
  int errnum = mkdir (dir, 0755) != 0 ? errno : 0;
  /* Two that were told the same name at once: the loser's record would empty and remove the winner's. */
  if (errnum == EEXIST && leaf) {
    r = record (data, dir, KATA_CGROUP_TAKEN, err);
    return r < 0 ? r : is_taken (dir, err);
  }
  if (errnum != 0 && errnum != EEXIST)
    return kata_error__errno (err, KATA_E_HOST, dir, errnum, "make cgroup \"%s\"", dir);
  if (!hierarchy->v2)
    copy_cpuset (above, dir);
  return 0;
}

int
kata_cgroups__make (const kata_cgroups *cgroups, const char *path, kata_cgroup_record record, void *data,
                    kata_error **err)
{
  g_auto (GStrv) names = g_strsplit (path + strspn (path, "/"), "/", -1);
  int r = 0;
  for (size_t i = 0; r == 0 && i < cgroups->n; i++) {
    g_autofree char *above = g_strdup (cgroups->items[i].dir);
    for (size_t k = 0; r == 0 && names[k] != NULL; k++) {
      char *dir = g_strdup_printf ("%s/%s", above, names[k]);
      r = make_one (above, dir, names[k + 1] == NULL, &cgroups->items[i], record, data, err);
      g_free (above);
      above = dir;
    }
  }
  return r;
}

static int
limit_one (const struct kata_cgroup_hierarchy *hierarchy, const char *dir, uint32_t quota)
{
  g_autofree char *only = quota > 0 ? g_strdup_printf ("%u", quota) : g_strdup (hierarchy->v2 ? "max" : "-1");
  g_autofree char *both = g_strdup_printf ("%s %u", only, CPU_PERIOD_US),
                  *period = g_strdup_printf ("%u", CPU_PERIOD_US);
  g_auto (GStrv) names = g_strsplit (hierarchy->names, ",", -1);
  if (hierarchy->v2)
    return put (dir, "cpu.max", both);
  if (!g_strv_contains ((const char *const *) names, "cpu"))
    return -ENOENT;
  int r = put (dir, "cpu.cfs_period_us", period);
  if (r == 0)
    r = put (dir, "cpu.cfs_quota_us", only);
  return r == -EINVAL ? 0 : r; /* v1 refuses more than the cgroup above has: that is strict enough */
}

int
kata_cgroups__limit_cpu (const kata_cgroups *cgroups, const char *path, uint32_t milli, kata_error **err)
{
  uint64_t quota = milli > 0 ? MAX ((uint64_t) milli * CPU_PERIOD_US / 1000, CPU_QUOTA_MIN) : 0;
  int last = -ENOENT;
  for (size_t i = 0; i < cgroups->n; i++) {
    g_autofree char *dir = g_strdup_printf ("%s%s", cgroups->items[i].dir, path);
    int r = limit_one (&cgroups->items[i], dir, (uint32_t) MIN (quota, UINT32_MAX));
    if (r == 0)
      return 0;
    last = r != -ENOENT ? r : last;
  }
  return kata_error__errno (err, KATA_E_UNSUPPORTED, "cgroup", -last,
                            "cgroup \"%s\": the host cannot limit its processor time", path);
}

int
kata_cgroups__enter (const kata_cgroups *cgroups, const char *path, int64_t pid, kata_error **err)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, pid);
  for (size_t i = 0; i < cgroups->n; i++) {
    g_autofree char *dir = g_strdup_printf ("%s%s", cgroups->items[i].dir, path);
    int r = put (dir, "cgroup.procs", text);
    if (r != 0)
      return kata_error__errno (err, KATA_E_HOST, dir, -r, "put process %s in cgroup \"%s\"", text, dir);
  }
  return 0;
}

/* Up the tree until one takes it: on v2 those that hand controllers down do not, but for the root. */
static void
move_up (const char *dir, int own, const char *pid)
{
  g_autofree char *above = g_path_get_dirname (dir);
  for (; above[1] != '\0'; own--) {
    int r = own > 0 ? -EBUSY : put (above, "cgroup.procs", pid);
    if (r == 0 || r == -ENOENT) /* -ENOENT: above the mount */
      return;
    char *next = g_path_get_dirname (above);
    g_free (above);
    above = next;
  }
}

static void
empty (const char *dir, int own)
{
  g_autofree char *path = g_strdup_printf ("%s/cgroup.procs", dir);
  g_autofree char *text = read_text (path, TEXT_MAX);
  g_auto (GStrv) pids = g_strsplit (text != NULL ? text : "", "\n", -1);
  for (size_t i = 0; pids[i] != NULL; i++)
    if (pids[i][0] != '\0')
      move_up (dir, own, pids[i]);
}

int
kata_cgroup__remove (const char *dir, int own, int64_t deadline_us, kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, REMOVE_MS);
  while (rmdir (dir) != 0) {
    int saved = errno;
    if (saved == ENOENT)
      return 0;
    if (own < 0 && (saved == EBUSY || saved == ENOTEMPTY))
      return 0;
    if (saved != EBUSY || kata_deadline__now () >= until)
      return kata_error__errno (err, KATA_E_IO, dir, saved, "remove cgroup \"%s\"", dir);
    empty (dir, own);
    g_usleep (REMOVE_WAIT_US);
  }
  return 0;
}
