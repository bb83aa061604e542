/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vhost-store: finds the socket of a block node that stands for a vhost-user server: Kata's layout. It connects to none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/vhost-user.h"

#define NODES_MAX 4096

enum kata_vhost_store_kind
kata_vhost_store__look (const char *path, dev_t *device)
{
  struct stat st;
  if (stat (path, &st) != 0 || !S_ISBLK (st.st_mode))
    return KATA_VHOST_STORE_NONE;
  *device = st.st_rdev;
  return major (st.st_rdev) == KATA_VHOST_STORE_BLK    ? KATA_VHOST_STORE_BLK
         : major (st.st_rdev) == KATA_VHOST_STORE_SCSI ? KATA_VHOST_STORE_SCSI
                                                       : KATA_VHOST_STORE_NONE;
}

/* By its numbers, not by its name: a container engine makes the node anew, under another. */
static char *
find_node (DIR *dir, dev_t device, bool *too_many)
{
  const struct dirent *entry;
  for (size_t n = 0; (entry = readdir (dir)) != NULL; n++) {
    struct stat st;
    if (n >= NODES_MAX) {
      *too_many = true;
      return NULL;
    }
    if (fstatat (dirfd (dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISBLK (st.st_mode) &&
        st.st_rdev == device)
      return g_strdup (entry->d_name);
  }
  return NULL;
}

int
kata_vhost_store__socket (char **out, const char *store, dev_t device, const char *what, kata_error **err)
{
  g_autofree char *nodes = g_build_filename (store, "block", "devices", NULL);
  bool too_many = false;
  DIR *dir = opendir (nodes);
  if (dir == NULL)
    return kata_error__errno (err,
                              errno == ENOENT || errno == ENOTDIR ? KATA_E_NOT_FOUND
                              : errno == EACCES                   ? KATA_E_PERMISSION
                                                                  : KATA_E_IO,
                              nodes, errno, "%s: the store of vhost-user devices \"%s\" (vhost_user_store_path)", what,
                              nodes);
  g_autofree char *name = find_node (dir, device, &too_many);
  closedir (dir);
  if (too_many)
    return kata_error__set (err, KATA_E_LIMIT, nodes, "%s: \"%s\" has more than %d entries", what, nodes, NODES_MAX);
  if (name == NULL)
    return kata_error__set (err, KATA_E_NOT_FOUND, nodes,
                            "%s: no block node with the numbers %u:%u is in \"%s\"; make one there, and its server's "
                            "socket of the same name in \"%s/block/sockets\"",
                            what, major (device), minor (device), nodes, store);
  *out = g_build_filename (store, "block", "sockets", name, NULL);
  return 0;
}
