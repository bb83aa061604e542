/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mount: the new mount interface (open_tree, mount_setattr, move_mount), with which a mount is complete before anybody sees it. */
#include "host/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/beneath.h"

#define LAYERS_MAX    16
#define BUSY_TRIES    5
#define BUSY_PAUSE_US 2000

static int
mount_error (kata_error **err, const char *path, int errnum, const char *what)
{
  if (errnum == EPERM || errnum == EACCES)
    return kata_error__errno (err, KATA_E_PERMISSION, path, errnum, "%s \"%s\" (needs root or CAP_SYS_ADMIN)", what,
                              path);
  return kata_error__errno (err, errnum == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, path, errnum, "%s \"%s\"", what,
                            path);
}

static int
attach (int tree, int dirfd, const char *target, kata_error **err)
{
  kata_auto_fd int at = kata_beneath__open (dirfd, target, O_PATH | O_NOFOLLOW, 0, false);
  if (at < 0)
    return mount_error (err, target, -at, "open mount point");
  if (move_mount (tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return mount_error (err, target, errno, "mount on");
  return 0;
}

int
kata_mount__bind_fd (int source_fd, const char *source, int dirfd, const char *target, unsigned flags, kata_error **err)
{
  const bool readonly = (flags & KATA_MOUNT_READONLY) != 0;
  const unsigned deep = (flags & KATA_MOUNT_RECURSIVE) != 0 ? AT_RECURSIVE : 0;
  kata_auto_fd int tree = open_tree (source_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | deep);
  if (tree < 0)
    return mount_error (err, source, errno, "bind");
  struct mount_attr attr = { .attr_set = readonly ? MOUNT_ATTR_RDONLY : 0, .propagation = MS_PRIVATE };
  if (mount_setattr (tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) != 0)
    return mount_error (err, source, errno, readonly ? "bind read-only" : "bind privately");
  return attach (tree, dirfd, target, err);
}

int
kata_mount__bind (const char *source, int dirfd, const char *target, unsigned flags, kata_error **err)
{
  kata_auto_fd int fd = open (source, O_PATH | O_CLOEXEC);
  return fd < 0 ? mount_error (err, source, errno, "bind")
                : kata_mount__bind_fd (fd, source, dirfd, target, flags, err);
}

/* Not a peer of the mount that it is a copy of: what is mounted below it is not to be seen there. */
static int
share_itself (int dirfd, const char *target, uint64_t without, kata_error **err)
{
  kata_auto_fd int at = kata_beneath__open (dirfd, target, O_PATH | O_DIRECTORY, 0, false);
  if (at < 0)
    return mount_error (err, target, -at, "open");
  kata_auto_fd int tree = open_tree (at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0)
    return mount_error (err, target, errno, "bind");
  struct mount_attr private_attr = { .attr_clr = without, .propagation = MS_PRIVATE };
  struct mount_attr shared_attr = { .propagation = MS_SHARED };
  if (mount_setattr (tree, "", AT_EMPTY_PATH, &private_attr, sizeof private_attr) != 0)
    return mount_error (err, target, errno, without != 0 ? "allow programs and devices in" : "bind privately");
  if (move_mount (tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return mount_error (err, target, errno, "bind to itself");
  /* @tree is the mount itself, wherever it is attached. */
  if (mount_setattr (tree, "", AT_EMPTY_PATH, &shared_attr, sizeof shared_attr) != 0)
    return mount_error (err, target, errno, "share mounts below");
  return 0;
}

int
kata_mount__share (int dirfd, const char *target, kata_error **err)
{
  return share_itself (dirfd, target, 0, err);
}

int
kata_mount__programs (int dirfd, const char *target, kata_error **err)
{
  return share_itself (dirfd, target, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV, err);
}

int
kata_mount__is (int dirfd, const char *path)
{
  kata_auto_fd int fd = kata_beneath__open (dirfd, path, O_PATH | O_NOFOLLOW, 0, false);
  if (fd < 0)
    return fd;
  struct statx stx;
  if (statx (fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) != 0)
    return -errno;
  if ((stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0)
    return -EOPNOTSUPP;
  return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* Through the parent's descriptor: one on the mount itself would keep it busy, and the name is not followed if it is a link. */
static int
unmount_layer (int dirfd, const char *path)
{
  const char *name;
  kata_auto_fd int parent = kata_beneath__parent (dirfd, path, &name);
  if (parent < 0)
    return parent;
  g_autofree char *at = g_strdup_printf ("/proc/self/fd/%d/%s", parent, name);
  for (int i = 0; i < BUSY_TRIES; i++) {
    if (umount2 (at, UMOUNT_NOFOLLOW) == 0)
      return 0;
    if (errno != EBUSY)
      return -errno;
    g_usleep (BUSY_PAUSE_US);
  }
  return umount2 (at, UMOUNT_NOFOLLOW | MNT_DETACH) == 0 ? 0 : -errno;
}

int
kata_mount__remove (int dirfd, const char *path, kata_error **err)
{
  for (int i = 0; i < LAYERS_MAX; i++) {
    int is = kata_mount__is (dirfd, path);
    /* Behind a file or a link that was put into the path nothing of ours is mounted. */
    if (is == 0 || is == -ENOENT || is == -ENOTDIR || is == -ELOOP)
      return 0;
    if (is < 0)
      return mount_error (err, path, -is, "look at mount");
    int r = unmount_layer (dirfd, path);
    if (r != 0)
      return mount_error (err, path, -r, "unmount");
  }
  return kata_error__set (err, KATA_E_IO, path, "unmount \"%s\": more than %d mounts lie over each other", path,
                          LAYERS_MAX);
}
