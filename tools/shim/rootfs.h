/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rootfs: the mounts that containerd hands over in Create, on BUNDLE/rootfs; made through held descriptors, undone by name. */
#ifndef SHIM_ROOTFS_H
#define SHIM_ROOTFS_H

#include <glib.h>

#include "messages/common.pb-c.h"

/** Mounts all, or nothing and says why in @error. FALSE on failure. */
gboolean rootfs_mount (const char *bundle, Shim__Mount *const *mounts, size_t n, char **error);
/** Unmounts everything at BUNDLE/rootfs; fine when nothing is there. 0 or -errno. */
int rootfs_unmount (const char *bundle);

#endif
