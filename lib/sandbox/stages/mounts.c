/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts: binds a container's root file system and volumes below the shared directory. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "host/mount.h"
#include "sandbox/container.h"
#include "sandbox/stage.h"

static int
check_source (const struct kata_share *share, bool *directory, kata_error **err)
{
  struct stat st;
  if (stat (share->source, &st) != 0)
    return kata_error__errno (err, errno == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, share->source, errno, "%s \"%s\"",
                              share->rootfs ? "root file system" : "volume", share->source);
  *directory = S_ISDIR (st.st_mode);
  if (share->rootfs && !*directory)
    return kata_error__set (err, KATA_E_INVALID, share->source, "root file system \"%s\": not a directory",
                            share->source);
  if (S_ISBLK (st.st_mode))
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, share->source,
        "volume \"%s\": is a block device, and nothing can be plugged into a running guest; make it "
        "one of the sandbox's disks, which are there from its start",
        share->source);
  if (!*directory && !S_ISREG (st.st_mode))
    return kata_error__set (err, KATA_E_UNSUPPORTED, share->source,
                            "volume \"%s\": only directories and regular files can be shared with a guest",
                            share->source);
  return 0;
}

static int
share_one (struct kata_operation *op, const struct kata_share *share, const char *top, kata_error **err)
{
  bool directory = false;
  g_autofree char *target = g_strdup_printf ("%s/%s", top, share->path);
  const char *role = share->rootfs ? "rootfs" : "volume";
  unsigned flags = (share->readonly ? KATA_MOUNT_READONLY : 0u) | (share->recursive ? KATA_MOUNT_RECURSIVE : 0u);
  int r = check_source (share, &directory, err);
  if (r == 0)
    r = kata_stage__make (op, role, target, directory, err);
  if (r == 0)
    r = kata_journal__path (&op->journal, KATA_UNDO_MOUNT, role, target, err);
  return r != 0 ? r : kata_mount__bind (share->source, op->sandbox->dirfd, target, flags, err);
}

int
kata_container__share (struct kata_operation *op, const kata_container_plan *plan, kata_error **err)
{
  if (plan->n_shares == 0)
    return 0;
  const char *top = kata_stage__relative (op, op->state->plan.share_dir);
  if (top[0] == '\0')
    return kata_error__set (err, KATA_E_UNSUPPORTED, plan->id,
                            "container \"%s\": the guest shares no directory with the host; use a disk", plan->id);
  g_autofree char *own = g_strdup_printf ("%s/%s", top, plan->id);
  int r = kata_stage__make (op, "container", own, true, err);
  for (size_t i = 0; r == 0 && i < plan->n_shares; i++)
    r = share_one (op, &plan->shares[i], top, err);
  return r;
}
