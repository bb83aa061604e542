/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* beneath: opens what lies below a directory that is held open, never following a symbolic link; it removes and makes nothing but files. */
#ifndef KATA_HOST_BENEATH_H
#define KATA_HOST_BENEATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * openat2() with RESOLVE_BENEATH, NO_SYMLINKS and NO_MAGICLINKS; O_CLOEXEC is added. @same_mount also refuses to enter another mount (-EXDEV).
 * Returns a descriptor or -errno.
 */
int kata_beneath__open (int dirfd, const char *path, int flags, mode_t mode, bool same_mount);

/** The directory that holds @path's last part, and that part (borrowed from @path). Returns a descriptor (O_PATH) or -errno. */
int kata_beneath__parent (int dirfd, const char *path, const char **name);

/**
 * Reads a regular file of at most @limit bytes; *text is NUL-terminated, g_free(). Returns 0 or -errno: EFBIG for a larger one, EINVAL for what is
 * not a regular file.
 */
int kata_beneath__read (int dirfd, const char *path, size_t limit, char **text, size_t *length);

/** Replaces a file whole: a new one beside it, synced, renamed over it. A crash leaves the old or the new one. Returns 0 or -errno. */
int kata_beneath__replace (int dirfd, const char *name, const char *text, size_t length);

#endif
