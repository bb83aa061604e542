/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* userns: who is who in a child's user namespace; child.c makes it. */
#ifndef KATA_HOST_USERNS_H
#define KATA_HOST_USERNS_H

#include "host/child.h"

/** Writes uid_map and gid_map of @pid, which waits. KATA_E_HOST when the host refuses. */
int kata_userns__map (const kata_child_userns *userns, int64_t pid, kata_error **err);

/** Somebody else than us: its supplementary groups are ours and must go. Asked by the parent: in there, numbers are others. */
bool kata_userns__drops_groups (const kata_child_userns *userns);

/** The inode of our own user namespace, 0 when it cannot be read. */
uint64_t kata_userns__own (void);

#endif
