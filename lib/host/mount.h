/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mount: bind mounts below a directory held open, and their removal; it keeps no list of them. */
#ifndef KATA_HOST_MOUNT_H
#define KATA_HOST_MOUNT_H

#include <kata/error.h>

enum kata_mount_flags {
  KATA_MOUNT_READONLY = 1,
  KATA_MOUNT_RECURSIVE = 2 /* with the mounts below @source */
};

/**
 * Binds @source (an absolute path of the caller's; symbolic links in it are followed) to @target, an existing directory or file
 * below @dirfd. The copy is private, so that nothing that happens to it ever reaches the host's own mounts, and read-only, if wanted, before it
 * can be seen. KATA_E_NOT_FOUND, KATA_E_PERMISSION, KATA_E_IO.
 */
int kata_mount__bind (const char *source, int dirfd, const char *target, unsigned flags, kata_error **err);

/** The same of what @source_fd (O_PATH does) is open on, so that what was looked at is what is bound. @source is for messages. */
int kata_mount__bind_fd (int source_fd, const char *source, int dirfd, const char *target, unsigned flags,
                         kata_error **err);

/** Binds @target on itself as a shared mount: what is mounted below it later appears in mount namespaces that were copied from ours. */
int kata_mount__share (int dirfd, const char *target, kata_error **err);

/** The same, so that programs can be run and devices opened in it too, whatever the file system below forbids. */
int kata_mount__programs (int dirfd, const char *target, kata_error **err);

/** Is @path below @dirfd the root of a mount? Returns 1, 0 or -errno (-ENOENT: no such file). */
int kata_mount__is (int dirfd, const char *path);

/**
 * Unmounts whatever is mounted at @path, all layers; nothing there is no error. A busy mount is detached at once and vanishes for good when its
 * last user ends. Symbolic links are not followed.
 */
int kata_mount__remove (int dirfd, const char *path, kata_error **err);

#endif
