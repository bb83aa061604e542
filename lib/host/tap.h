/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tap: descriptors of tap and macvtap devices in the calling thread's network namespace; it configures no link. */
#ifndef KATA_HOST_TAP_H
#define KATA_HOST_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <kata/error.h>

#define KATA_TAP_QUEUES_MAX 16u

/**
 * @n descriptors (with virtio's header, non-blocking) of the tap @name: one each for a queue, so more than one needs a tap of many queues. A name with
 * %d is a new tap's, and what it got is put in its place; that tap ends with its last descriptor. All or none.
 * KATA_E_HOST (no /dev/net/tun), KATA_E_PERMISSION, KATA_E_BUSY, KATA_E_IO.
 */
int kata_tap__open (int *fds, unsigned n, char name[IFNAMSIZ], bool multi_queue, kata_error **err);

/** The same of an existing macvtap. Its device node need not exist. */
int kata_macvtap__open (int *fds, unsigned n, const char *name, unsigned index, kata_error **err);

/** Lets the tap of descriptor @fd stay when nobody holds it, and @uid open it again without privileges (0 = none). @name is for messages. */
int kata_tap__keep (int fd, const char *name, uint32_t uid, kata_error **err);

#endif
