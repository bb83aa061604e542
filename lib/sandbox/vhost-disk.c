/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost-disk: looks at each disk's node; whether anybody listens at the socket is found out when the machine is made. */
#include "sandbox/vhost-disk.h"

#include <string.h>

#include <glib.h>

#include "base/arena.h"
#include "base/error.h"
#include "host/vhost-user.h"
#include "plan/pack.h"

int
kata_vhost_disk__resolve (kata_disk *disk, char **socket, const char *store, kata_error **err)
{
  dev_t device = 0;
  enum kata_vhost_store_kind kind = KATA_VHOST_STORE_NONE;
  if ((disk->flags & KATA_DISK_VHOST_USER) == 0 && disk->path != NULL && disk->path[0] == '/')
    kind = kata_vhost_store__look (disk->path, &device);
  if (kind == KATA_VHOST_STORE_NONE)
    return 0;
  g_autofree char *what = g_strdup_printf ("disk \"%.20s\"", disk->id != NULL ? disk->id : "");
  if (kind == KATA_VHOST_STORE_SCSI)
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, disk->path,
        "%s: \"%s\" stands for a vhost-user-scsi server, which libkata does not connect to; let the "
        "server offer it as vhost-user-blk",
        what, disk->path);
  if (store == NULL || store[0] == '\0')
    return kata_error__set (err, KATA_E_UNSUPPORTED, disk->path,
                            "%s: \"%s\" stands for a vhost-user-blk server; set enable_vhost_user_store in the "
                            "hypervisor's table, or give the server's socket itself",
                            what, disk->path);
  int r = kata_vhost_store__socket (socket, store, device, what, err);
  if (r != 0)
    return r;
  disk->path = *socket;
  disk->flags |= KATA_DISK_VHOST_USER;
  return 0;
}

int
kata_vhost_disk__resolve_all (const kata_disk *const **out, kata_arena *arena, const kata_disk *const *disks,
                              const char *store, kata_error **err)
{
  size_t n = 0;
  while (disks != NULL && disks[n] != NULL && n <= KATA_DISKS_MAX)
    n++;
  const kata_disk **list = kata_arena__new0 (arena, const kata_disk *, n + 1);
  for (size_t i = 0; i < n; i++) {
    kata_disk *real = kata_arena__new0 (arena, kata_disk, 1);
    g_autofree char *socket = NULL;
    *real = *disks[i];
    int r = kata_vhost_disk__resolve (real, &socket, store, err);
    if (r != 0)
      return r;
    if (socket != NULL)
      real->path = kata_arena__strdup (arena, socket);
    list[i] = real;
  }
  *out = list;
  return 0;
}
