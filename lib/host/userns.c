/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* userns: maps, written from outside by the parent. */
#include "host/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

bool
kata_userns__drops_groups (const kata_child_userns *userns)
{
  return userns->uid != geteuid () || userns->gid != getegid ();
}

uint64_t
kata_userns__own (void)
{
  struct stat st;
  return stat ("/proc/self/ns/user", &st) == 0 ? st.st_ino : 0;
}

static int
write_map (int64_t pid, const char *file, const char *text, kata_error **err)
{
  char path[64];
  snprintf (path, sizeof path, "/proc/%" PRId64 "/%s", pid, file);
  kata_auto_fd int fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write (fd, text, strlen (text)) < 0)
    return kata_error__errno (err, KATA_E_HOST, path, errno, "user namespace: write \"%s\" to %s", text, path);
  return 0;
}

static void
map_text (char *text, size_t size, uint32_t inner, const uint32_t *also)
{
  if (also != NULL && inner != *also)
    snprintf (text, size, "0 %" PRIu32 " 1\n1 %" PRIu32 " 1\n", inner, *also);
  else
    snprintf (text, size, "0 %" PRIu32 " 1\n", inner);
}

int
kata_userns__map (const kata_child_userns *userns, int64_t pid, kata_error **err)
{
  char uids[64], gids[64];
  uint32_t own = geteuid ();
  map_text (uids, sizeof uids, userns->uid, userns->map_caller ? &own : NULL);
  map_text (gids, sizeof gids, userns->gid, NULL);
  /* Without privileges the kernel takes our own gid only from who gives up setgroups() in there. */
  int code = kata_userns__drops_groups (userns) ? 0 : write_map (pid, "setgroups", "deny", err);
  if (code == 0)
    code = write_map (pid, "uid_map", uids, err);
  return code == 0 ? write_map (pid, "gid_map", gids, err) : code;
}
