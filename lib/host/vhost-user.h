/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost-user: whether a vhost-user server can be reached and answers, before a VMM waits for it with all its guest; and Kata's store of such servers. */
#ifndef KATA_HOST_VHOST_USER_H
#define KATA_HOST_VHOST_USER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <kata/error.h>

/** A server, and what is wanted of it. */
struct kata_vhost_user {
  const char *what;   /* for errors: "disk \"data\"" */
  const char *socket; /* absolute */
  bool
      block; /* a vhost-user-blk server: it must have a configuration space, and say of itself whether it takes writes */
  bool readonly; /* what it shall say */
};

/**
 * Asks it for its features, as a VMM will do, and lets go of it again. A socket that is reached through a link, is none, or whose path a socket's address
 * cannot hold is refused. KATA_E_INVALID, KATA_E_LIMIT, KATA_E_NOT_FOUND (nothing is there, or nobody listens), KATA_E_PERMISSION, KATA_E_TIMEOUT (it does
 * not answer within five seconds, or @deadline_us), KATA_E_PROTOCOL, KATA_E_UNSUPPORTED, KATA_E_IO.
 */
int kata_vhost_user__check (const struct kata_vhost_user *server, int64_t deadline_us, kata_error **err);

/** What a device number says of a block device in Kata's store. */
enum kata_vhost_store_kind { KATA_VHOST_STORE_NONE = 0, KATA_VHOST_STORE_BLK = 241, KATA_VHOST_STORE_SCSI = 242 };
/** Of the node at @path; NONE as well when there is none. *device: its numbers. */
enum kata_vhost_store_kind kata_vhost_store__look (const char *path, dev_t *device);

/**
 * The socket that belongs to @device: of the name that a block node with these numbers has in @store/block/devices, in @store/block/sockets; g_free().
 * KATA_E_NOT_FOUND, KATA_E_LIMIT, KATA_E_IO, KATA_E_PERMISSION.
 */
int kata_vhost_store__socket (char **out, const char *store, dev_t device, const char *what, kata_error **err);

#endif
