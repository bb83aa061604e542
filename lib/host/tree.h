/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree: removes a directory tree of ours without ever entering another mount; it unmounts nothing. */
#ifndef KATA_HOST_TREE_H
#define KATA_HOST_TREE_H

#include <kata/error.h>

/**
 * Removes @name below @dirfd with everything in it. A mount point inside is never entered and makes the call fail with KATA_E_BUSY, after all else
 * was removed: behind it may be a directory of the user's. Symbolic links are removed, not followed. What does not exist is no error.
 */
int kata_tree__remove (int dirfd, const char *name, kata_error **err);

/** The same for everything in the directory @fd but @keep (nullable), a name directly in it; the directory itself stays. */
int kata_tree__empty (int fd, const char *keep, kata_error **err);

#endif
