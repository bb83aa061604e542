/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost-disk: disks that are given by the nodes of Kata's store of vhost-user servers, turned into what the nodes stand for. */
#ifndef KATA_SANDBOX_VHOST_DISK_H
#define KATA_SANDBOX_VHOST_DISK_H

#include <kata/sandbox.h>

/**
 * A disk whose path is a block node of such a server becomes one with KATA_DISK_VHOST_USER and its socket, *socket, g_free(). @store: "" = none is used. Any
 * other disk stays as it is. KATA_E_UNSUPPORTED, KATA_E_NOT_FOUND, KATA_E_LIMIT, KATA_E_IO.
 */
int kata_vhost_disk__resolve (kata_disk *disk, char **socket, const char *store, kata_error **err);

/** The same for a list, NULL-terminated: *out is that one if nothing changes, else it lives as long as @arena. */
struct kata_arena;
int kata_vhost_disk__resolve_all (const kata_disk *const **out, struct kata_arena *arena, const kata_disk *const *disks,
                                  const char *store, kata_error **err);

#endif
