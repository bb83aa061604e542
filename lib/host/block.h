/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block: a block device of the host by its number, as the kernel names it; reads and writes none. */
#ifndef KATA_HOST_BLOCK_H
#define KATA_HOST_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * The node that the kernel made for the device in /dev: nobody but root can put another in its place, whatever path led to the number. g_free().
 * Returns 0 or -errno: ENODEV for a number without a device, ENXIO when /dev has no such node, or another device's.
 */
int kata_block__node (char **node, uint32_t major, uint32_t minor);

/** True if @node is (still) the device of this number. Follows no link. */
bool kata_block__is (const char *node, uint32_t major, uint32_t minor);

/** The kernel takes no writes for it. */
bool kata_block__is_readonly (uint32_t major, uint32_t minor);

/**
 * Opens it as nobody else's, and closes it. Returns 0 or -errno: EBUSY after a tenth of a second when the host has it for itself: it or a part of it is
 * mounted, is swap, or is under another device (open(2), O_EXCL).
 */
int kata_block__try (const char *node);

#endif
