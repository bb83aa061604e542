/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop: a file as a loop device that goes by itself, with the last process that has it open; nothing has to be undone. */
#ifndef SHIM_LOOP_H
#define SHIM_LOOP_H

#include <glib.h>

#define LOOP_PATH_MAX 32u

/** @path: the device's node. A descriptor of it, or -errno; -EBUSY: the file is a loop device already, and one of both is written to. */
int loop_open (char path[LOOP_PATH_MAX], const char *file, gboolean readonly);

#endif
