/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shares: the directory that host and guest share; what containers need is bound below it later. */
#include "host/mount.h"
#include "sandbox/stage.h"

static int
enter (struct kata_operation *op, kata_error **err)
{
  const char *share_dir = op->state->plan.share_dir;
  if (share_dir[0] == '\0')
    return kata_stage__make_packs (op, err);
  const char *path = kata_stage__relative (op, share_dir);
  int r = kata_stage__make (op, "shared", path, true, err);
  if (r == 0)
    r = kata_journal__path (&op->journal, KATA_UNDO_MOUNT, "shared", path, err);
  /* Shared, so that mounts made below it later reach virtiofsd, which has a mount namespace of its own. */
  return r != 0 ? r : kata_mount__share (op->sandbox->dirfd, path, err);
}

const struct kata_stage kata_stage__shares = { "shares", enter, NULL };
