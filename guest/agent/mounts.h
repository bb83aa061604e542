/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts: option words to flags and data, and mounting on opened directories so that no link can redirect it. */
#ifndef AGENT_MOUNTS_H
#define AGENT_MOUNTS_H

#include <stddef.h>

#include "fault.h"

#define MOUNT_DATA_MAX 4096 /* the kernel takes one page */

struct mount_options {
  unsigned long flags;
  unsigned long propagation; /* MS_PRIVATE and so on, 0 = leave */
  char data[MOUNT_DATA_MAX];
};

/** Splits words as mount(8) knows them. Words that begin with one of @ours (NULL-terminated, nullable) are left out. 0 or -1. */
int mount_options_parse (struct mount_options *out, char *const *words, size_t count, const char *const *ours,
                         struct fault *fault);
/** Non-zero if @data has an option named @name. */
int mount_options_has (const struct mount_options *options, const char *name);
/** Adds one data option. 0 or -1. */
int mount_options_add (struct mount_options *options, const char *word, struct fault *fault);
/** mount(2) on the directory @target_fd. 0 or -1 with @fault set; @where is for the text. */
int mount_on (int target_fd, const char *where, const char *source, const char *fstype,
              const struct mount_options *options, struct fault *fault);
/** Binds @source_fd (directory or file, O_PATH) on @target_fd with the mounts below it; then applies read-only and the like. */
int
mount_bind (int source_fd, int target_fd, const char *where, const struct mount_options *options, struct fault *fault);
/** Takes all mounts at @path away. */
void mount_detach (const char *path);

#endif
