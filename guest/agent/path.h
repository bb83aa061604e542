/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* path: names that come from outside, and opening and making files below a directory without following links. */
#ifndef AGENT_PATH_H
#define AGENT_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "fault.h"

#define PATH_ID_MAX   128
#define PATH_TEXT_MAX 4095

/** Non-zero when @id may name a container or a process: [A-Za-z0-9][A-Za-z0-9_.-]*, at most PATH_ID_MAX bytes. */
int path_id_is_valid (const char *id);
/** Non-zero when @path is absolute and has no empty, "." or ".." component (one trailing slash is allowed). */
int path_is_clean (const char *path);
/** Opens @path relative to @base (AT_FDCWD: absolute) following no link at all. Returns an fd or -1 with errno. */
int path_open (int base, const char *path, int flags, mode_t mode);
/** Opens @path relative to directory @base, never leaving it and following no link. */
int path_open_beneath (int base, const char *path, int flags, mode_t mode);
/** Makes the missing directories of clean absolute @path, following no link, and returns an O_PATH fd of the last one or -1. */
int path_make_directory (const char *path, mode_t mode, struct fault *fault);
/** Likewise an empty file, which may be there; O_PATH. */
int path_make_file (const char *path, struct fault *fault);
/** Makes the missing directories of relative @path below @base. Returns an O_PATH fd or -1 with errno. */
int path_make_beneath (int base, const char *path, mode_t mode);
/** Removes what is below @path if it is on a tmpfs, staying on it, then @path. Errors are ignored: this is a clean-up. */
void path_remove_tree (const char *path);

#endif
