/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netns: network namespaces by descriptor, entered by short-lived threads only; it makes nothing in them. */
#ifndef KATA_HOST_NETNS_H
#define KATA_HOST_NETNS_H

#include <stdint.h>

#include <kata/error.h>

/**
 * Opens the network namespace at @path (a bind mount, /proc/PID/ns/net). The caller's own is refused: what is done to a pod's interfaces would be
 * done to the host's. KATA_E_NOT_FOUND, KATA_E_INVALID, KATA_E_PERMISSION, KATA_E_IO.
 */
int kata_netns__open (int *out, const char *path, kata_error **err);

/** Makes an empty one; it lasts as long as the descriptor or a bind mount of it. KATA_E_PERMISSION, KATA_E_IO. */
int kata_netns__new (int *out, kata_error **err);

/** Its inode, which no other namespace has as long as it lives; 0 = @fd is none. */
uint64_t kata_netns__inode (int fd);

/**
 * Calls @fn in a thread of its own that is in the namespace @fd (-1 = the caller's) and ends with it, so that no thread of the caller's is ever
 * elsewhere. All signals are blocked there. Returns what @fn does; KATA_E_PERMISSION or KATA_E_IO when the namespace cannot be entered.
 */
int kata_netns__run (int fd, int (*fn) (void *data, kata_error **err), void *data, kata_error **err);

#endif
