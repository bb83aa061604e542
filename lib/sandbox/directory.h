/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* directory: the state directory and the sandboxes' own below it: made, opened, locked, listed, removed. It reads no file in them. */
#ifndef KATA_SANDBOX_DIRECTORY_H
#define KATA_SANDBOX_DIRECTORY_H

#include <stdint.h>

#include <kata/error.h>

/** Opens the state directory, making it (mode 0700, parents 0755) if need be. It must belong to us and be nobody else's to write. */
int kata_directory__open_state (int *fd, const char *path, kata_error **err);

/** Makes a sandbox's directory and returns it locked: nobody sees one that is there but not locked. KATA_E_EXISTS. */
int kata_directory__make (int *fd, int state_fd, const char *id, int64_t deadline_us, kata_error **err);

/** Opens one. KATA_E_NOT_FOUND. */
int kata_directory__open (int *fd, int state_fd, const char *id, kata_error **err);

/**
 * Takes a directory's lock (flock on the directory itself) for this descriptor. KATA_E_BUSY when somebody else holds it until @deadline_us,
 * KATA_E_NOT_FOUND when the directory was removed meanwhile.
 */
int kata_directory__lock (int fd, const char *id, int64_t deadline_us, kata_error **err);
void kata_directory__unlock (int fd);

/** Names of the directories below, sorted; g_strfreev(). Those that are no valid ids are left out. */
int kata_directory__list (char ***out, int state_fd, kata_error **err);

#endif
