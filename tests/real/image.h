/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image: a disk image with a root file system, and a container on it; for the tests of disks over a real guest. */
#ifndef KATA_TESTS_REAL_IMAGE_H
#define KATA_TESTS_REAL_IMAGE_H

#include "fixture.h"

/** Says why not, if not. */
bool real_image_possible (void);
/** An ext4 of a busybox and a file /mark, "from the disk", at life->dir; g_free(). */
char *real_image (const char *name);
/** A container whose root file system is the disk @id; what it says; g_free(). */
char *real_run_on (kata_sandbox *sandbox, const char *id, const char *command);

#endif
