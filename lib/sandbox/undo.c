/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* undo: one function for each kind of record. */
#include "sandbox/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/beneath.h"
#include "host/cgroup.h"
#include "host/mount.h"
#include "host/netjoin.h"
#include "host/pidfd.h"
#include "host/tree.h"
#include "sandbox/journal.h"

#define KILL_WAIT_MS 5000

static int
undo_process (const struct kata_journal_entry *entry, int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int pidfd = -1;
  kata_pid_identity identity = { entry->pid, entry->start_time };
  g_autoptr (kata_error) cause = NULL;
  int r = kata_pidfd__open (&pidfd, &identity, &cause);
  if (r == KATA_E_NOT_FOUND)
    return 0;
  if (r == 0)
    r = kata_pidfd__kill (pidfd, kata_deadline__within (deadline_us, KILL_WAIT_MS), &cause);
  if (r == 0)
    return 0;
  return kata_error__wrap (err, g_steal_pointer (&cause), entry->role, "end %s", entry->role);
}

/* Nothing of ours is where a directory of the path is no more: another thing in its place, or a link, which is not followed. */
static bool
is_gone (int parent)
{
  return parent == -ENOENT || parent == -ENOTDIR || parent == -ELOOP;
}

static int
undo_file (int dirfd, const struct kata_journal_entry *entry, kata_error **err)
{
  const char *name;
  kata_auto_fd int parent = kata_beneath__parent (dirfd, entry->path, &name);
  if (is_gone (parent))
    return 0;
  if (parent < 0)
    return kata_error__errno (err, KATA_E_IO, entry->path, -parent, "remove \"%s\"", entry->path);
  if (unlinkat (parent, name, 0) != 0 && errno != ENOENT && errno != EISDIR)
    return kata_error__errno (err, KATA_E_IO, entry->path, errno, "remove \"%s\"", entry->path);
  return 0;
}

/* The guest may have put files into a shared directory, so the directory goes with its content; never across a mount. */
static int
undo_dir (int dirfd, const struct kata_journal_entry *entry, kata_error **err)
{
  const char *name;
  kata_auto_fd int parent = kata_beneath__parent (dirfd, entry->path, &name);
  if (is_gone (parent))
    return 0;
  if (parent < 0)
    return kata_error__errno (err, KATA_E_IO, entry->path, -parent, "remove \"%s\"", entry->path);
  /* O_PATH descriptors cannot be listed through. */
  kata_auto_fd int fd = kata_beneath__open (parent, ".", O_RDONLY | O_DIRECTORY, 0, false);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, entry->path, -fd, "remove \"%s\"", entry->path);
  return kata_tree__remove (fd, name, err);
}

/* Nothing else has absolute paths: whatever a journal says, only a cgroup is removed so. */
static int
undo_cgroup (const struct kata_journal_entry *entry, int64_t deadline_us, kata_error **err)
{
  struct statfs fs;
  if (statfs (entry->path, &fs) != 0)
    return errno == ENOENT
               ? 0
               : kata_error__errno (err, KATA_E_IO, entry->path, errno, "remove cgroup \"%s\"", entry->path);
  if (fs.f_type != CGROUP_SUPER_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC)
    return 0;
  bool own = g_str_has_prefix (entry->role, KATA_JOURNAL_CGROUP_OWN);
  int above = own ? (int) MIN (g_ascii_strtoull (entry->role + strlen (KATA_JOURNAL_CGROUP_OWN), NULL, 10), 64) : -1;
  return kata_cgroup__remove (entry->path, above, deadline_us, err);
}

static int
undo_entry (int dirfd, const struct kata_journal_entry *entry, bool same_boot, int64_t deadline_us, kata_error **err)
{
  switch (entry->kind) {
  case KATA_UNDO_PROCESS:
    return same_boot ? undo_process (entry, deadline_us, err) : 0;
  case KATA_UNDO_QDISC:
    return same_boot ? kata_netjoin__undo_qdisc (entry->path, entry->start_time, (uint32_t) entry->pid, err) : 0;
  case KATA_UNDO_LINK:
    return same_boot ? kata_netjoin__undo_link (entry->path, entry->start_time, entry->role, err) : 0;
  case KATA_UNDO_MOUNT:
    return kata_mount__remove (dirfd, entry->path, err);
  case KATA_JOURNAL_CGROUP:
    return same_boot ? undo_cgroup (entry, deadline_us, err) : 0;
  case KATA_UNDO_DIR:
    return undo_dir (dirfd, entry, err);
  default:
    return undo_file (dirfd, entry, err);
  }
}

/* Which records; NULL: all. */
struct choice {
  const char *scope;
  const char *name, *device;
  int64_t index;
};

static bool
chosen (const struct choice *choice, const struct kata_journal_entry *entry)
{
  if (choice->name != NULL)
    return (entry->kind == KATA_UNDO_QDISC && strcmp (entry->role, choice->name) == 0) ||
           (entry->kind == KATA_UNDO_LINK &&
            (strcmp (entry->role, choice->device) == 0 || (choice->index != 0 && entry->pid == choice->index)));
  return choice->scope == NULL || strcmp (entry->scope, choice->scope) == 0;
}

static int
replay (int dirfd, const struct choice *choice, int64_t deadline_us, const struct kata_fault *fault, kata_error **err)
{
  g_autoptr (kata_journal_log) log = NULL;
  g_autoptr (kata_error) first = NULL;
  int r = kata_journal__load (&log, dirfd, err);
  if (r != 0)
    return r;
  for (guint i = log->entries->len; i > 0; i--) {
    struct kata_journal_entry *entry = log->entries->pdata[i - 1];
    if (!chosen (choice, entry))
      continue;
    g_autoptr (kata_error) failure = NULL;
    entry->done = kata_fault__point (fault, "undo", &failure) == 0 &&
                  undo_entry (dirfd, entry, log->same_boot, deadline_us, &failure) == 0;
    if (!entry->done && first == NULL)
      first = g_steal_pointer (&failure);
  }
  g_autoptr (kata_error) failure = NULL;
  if (kata_journal__store (log, dirfd, &failure) != 0 && first == NULL)
    first = g_steal_pointer (&failure);
  if (first != NULL)
    return kata_error__propagate (err, g_steal_pointer (&first));
  return 0;
}

int
kata_undo__replay (int dirfd, const char *scope, int64_t deadline_us, const struct kata_fault *fault, kata_error **err)
{
  const struct choice choice = { .scope = scope };
  return replay (dirfd, &choice, deadline_us, fault, err);
}

int
kata_undo__network (int dirfd, const char *name, const char *device, uint32_t index, int64_t deadline_us,
                    const struct kata_fault *fault, kata_error **err)
{
  const struct choice choice = { .name = name, .device = device, .index = index };
  return replay (dirfd, &choice, deadline_us, fault, err);
}
