/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rootfs: bind mounts by the new mount interface, file systems by mount(2) on a descriptor's name. */
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop.h"
#include "options.h"

#define MOUNTS_MAX 16u
#define LAYERS_MAX 32
#define DATA_MAX   4095u /* the kernel takes one page */

struct word {
  const char *name;
  unsigned long set, clear;
};
static const struct word words[] = {
  { "async", 0, MS_SYNCHRONOUS },
  { "atime", 0, MS_NOATIME },
  { "bind", MS_BIND, 0 },
  { "defaults", 0, 0 },
  { "dev", 0, MS_NODEV },
  { "diratime", 0, MS_NODIRATIME },
  { "dirsync", MS_DIRSYNC, 0 },
  { "exec", 0, MS_NOEXEC },
  { "loop", 0, 0 }, /* ours to see to */
  { "noatime", MS_NOATIME, 0 },
  { "nodev", MS_NODEV, 0 },
  { "nodiratime", MS_NODIRATIME, 0 },
  { "noexec", MS_NOEXEC, 0 },
  { "nosuid", MS_NOSUID, 0 },
  { "rbind", MS_BIND | MS_REC, 0 },
  { "relatime", MS_RELATIME, 0 },
  { "ro", MS_RDONLY, 0 },
  { "rw", 0, MS_RDONLY },
  { "strictatime", MS_STRICTATIME, 0 },
  { "suid", 0, MS_NOSUID },
  { "sync", MS_SYNCHRONOUS, 0 },
  { "volatile", 0, 0 }, /* overlay's; kept as data below */
};

static gboolean
is_data (const char *option)
{
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_equal (option, words[i].name))
      return g_str_equal (option, "volatile");
  return TRUE;
}

/* What mount(8) means by the options. NULL: they are too long for the kernel. */
static char *
read_options (const Shim__Mount *mount, unsigned long *flags)
{
  g_autoptr (GString) data = g_string_new (NULL);
  *flags = 0;
  for (size_t i = 0; i < mount->n_options; i++) {
    const char *option = mount->options[i];
    if (is_data (option)) {
      g_string_append_printf (data, "%s%s", data->len > 0 ? "," : "", option);
      continue;
    }
    for (size_t k = 0; k < G_N_ELEMENTS (words); k++)
      if (g_str_equal (option, words[k].name))
        *flags = (*flags & ~words[k].clear) | words[k].set;
  }
  if (data->len > DATA_MAX)
    return NULL;
  return g_string_free (g_steal_pointer (&data), FALSE);
}

static int
open_beneath (int dirfd, const char *path, guint64 flags)
{
  struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
  int fd = (int) syscall (SYS_openat2, dirfd, path, &how, sizeof how);
  return fd < 0 ? -errno : fd;
}

static int
bind_on (const char *source, int target, unsigned long flags)
{
  unsigned deep = flags & MS_REC ? AT_RECURSIVE : 0;
  int tree = open_tree (AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | deep);
  if (tree < 0)
    return -errno;
  struct mount_attr attr = { .attr_set = (flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0u) |
                                         (flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0u) |
                                         (flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0u) |
                                         (flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0u),
                             .propagation = MS_PRIVATE };
  int r = mount_setattr (tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) == 0 ? 0 : -errno;
  if (r == 0 && move_mount (tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    r = -errno;
  close (tree);
  return r;
}

static gboolean
has_option (const Shim__Mount *mount, const char *option)
{
  for (size_t i = 0; i < mount->n_options; i++)
    if (g_str_equal (mount->options[i], option))
      return TRUE;
  return FALSE;
}

/* The mount keeps the loop device, which is gone when it is unmounted. */
static int
mount_on (const char *at, const Shim__Mount *wanted, unsigned long flags, const char *data)
{
  char device[LOOP_PATH_MAX];
  struct stat st;
  int loop = -1;
  if (has_option (wanted, "loop") && stat (wanted->source, &st) == 0 && S_ISREG (st.st_mode)) {
    loop = loop_open (device, wanted->source, (flags & MS_RDONLY) != 0);
    if (loop < 0)
      return loop;
  }
  int r = mount (loop >= 0 ? device : wanted->source, at, wanted->type, flags, data) == 0 ? 0 : -errno;
  if (loop >= 0)
    close (loop);
  return r;
}

/* A later mount lies over an earlier one, so each opens the place anew. */
static int
mount_one (int bundle, const Shim__Mount *wanted)
{
  unsigned long flags;
  g_autofree char *data = read_options (wanted, &flags);
  if (!data)
    return -E2BIG;
  if (*wanted->target)
    return -EOPNOTSUPP; /* 2.x: mounts below the root; no snapshotter of 1.6 and none of the usual ones uses them */
  int target = open_beneath (bundle, "rootfs", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (target < 0)
    return target;
  int r;
  if (g_str_equal (wanted->type, "bind") || flags & MS_BIND) {
    r = options_is_path (wanted->source) ? bind_on (wanted->source, target, flags) : -EINVAL;
  } else {
    g_autofree char *at = g_strdup_printf ("/proc/self/fd/%d", target);
    r = mount_on (at, wanted, flags, data);
  }
  close (target);
  return r;
}

gboolean
rootfs_mount (const char *bundle, Shim__Mount *const *mounts, size_t n, char **error)
{
  if (n == 0)
    return TRUE;
  int dirfd = open (bundle, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int r = dirfd < 0 ? -errno : n > MOUNTS_MAX ? -E2BIG : 0;
  size_t i = 0;
  if (r == 0 && mkdirat (dirfd, "rootfs", 0711) != 0 && errno != EEXIST)
    r = -errno;
  while (r == 0 && i < n)
    if ((r = mount_one (dirfd, mounts[i])) == 0)
      i++;
  if (dirfd >= 0)
    close (dirfd);
  if (r == 0)
    return TRUE;
  if (i < n)
    *error = g_strdup_printf ("root file system: mount %zu (type \"%.40s\", source \"%.200s\") on \"%s/rootfs\": %s%s",
                              i, mounts[i]->type, mounts[i]->source, bundle, g_strerror (-r),
                              r == -E2BIG ? "; the options are longer than the kernel takes" : "");
  rootfs_unmount (bundle);
  return FALSE;
}

/* Through the parent's descriptor: one on the mount itself would keep it busy, and a link is not followed. */
int
rootfs_unmount (const char *bundle)
{
  int dirfd = open (bundle, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dirfd < 0)
    return errno == ENOENT ? 0 : -errno;
  g_autofree char *at = g_strdup_printf ("/proc/self/fd/%d/rootfs", dirfd);
  int r = 0;
  for (int i = 0; i < LAYERS_MAX && r == 0; i++)
    if (umount2 (at, UMOUNT_NOFOLLOW) != 0 && (errno != EBUSY || umount2 (at, UMOUNT_NOFOLLOW | MNT_DETACH) != 0))
      r = -errno;
  close (dirfd);
  return r == -EINVAL || r == -ENOENT ? 0 : r; /* no mount, no such place */
}
