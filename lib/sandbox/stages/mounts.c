/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts: binds a container's root file system and volumes below the shared directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/beneath.h"
#include "host/mount.h"
#include "sandbox/container.h"
#include "sandbox/stage.h"

/* What the open descriptor is, wherever links led to: by its name, the plan has refused this already. */
static int
check_place (const struct kata_operation *op, const struct kata_share *share, int fd, const char *what,
             kata_error **err)
{
  g_autofree char *name = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *state = g_strdup_printf ("/proc/self/fd/%d", op->sandbox->runtime->state_fd);
  g_autofree char *place = g_file_read_link (name, NULL);
  g_autofree char *own = g_file_read_link (state, NULL);
  if (place == NULL || own == NULL)
    return kata_error__errno (err, KATA_E_IO, share->source, errno, "%s \"%s\": look where it is", what, share->source);
  const char *refused = kata_plan__refuse_source (place, own, share->rootfs);
  if (refused != NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, share->source, "%s \"%s\": leads to \"%s\", which %s", what,
                            share->source, place, refused);
  return 0;
}

static int
check_kind (const struct kata_share *share, mode_t mode, const char *what, kata_error **err)
{
  if (share->rootfs && !S_ISDIR (mode))
    return kata_error__set (err, KATA_E_INVALID, share->source, "%s \"%s\": not a directory%s", what, share->source,
                            S_ISLNK (mode) ? " but a symbolic link" : "");
  if (S_ISBLK (mode))
    return kata_error__set (err, KATA_E_UNSUPPORTED, share->source,
                            "%s \"%s\": is a block device now and was none a moment ago; try again", what,
                            share->source);
  if (!S_ISDIR (mode) && !S_ISREG (mode))
    return kata_error__set (err, KATA_E_UNSUPPORTED, share->source,
                            "%s \"%s\": only directories and regular files can be shared with a guest", what,
                            share->source);
  return 0;
}

/* A volume may be a link, as for other runtimes; a root not, nor anything on its way from the bundle. No magic link (/proc/self/fd) is followed. */
static int
open_path (const struct kata_share *share)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC | (share->rootfs ? O_NOFOLLOW : 0u),
                          .resolve = RESOLVE_NO_MAGICLINKS };
  g_autofree char *path = g_canonicalize_filename (share->source, "/"); /* behind "link/" a link would be followed */
  if (share->bundle != NULL) {
    kata_auto_fd int bundle = open (share->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_autofree char *top = g_canonicalize_filename (share->bundle, "/");
    const char *below = path + strlen (top) + strspn (path + strlen (top), "/");
    return bundle < 0 ? -errno : kata_beneath__open (bundle, *below != '\0' ? below : ".", O_PATH, 0, false);
  }
  int fd = (int) syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  return fd < 0 ? -errno : fd;
}

/* Opened once: what is looked at is what is bound, whoever renames it meanwhile. */
static int
open_source (const struct kata_operation *op, const struct kata_share *share, int *out, bool *directory,
             kata_error **err)
{
  const char *what = share->rootfs ? "root file system" : "volume";
  kata_auto_fd int fd = open_path (share);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) != 0) {
    int errnum = fd < 0 ? -fd : errno;
    return kata_error__errno (err, errnum == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, share->source, errnum, "%s \"%s\"",
                              what, share->source);
  }
  int r = check_kind (share, st.st_mode, what, err);
  if (r == 0)
    r = check_place (op, share, fd, what, err);
  if (r != 0)
    return r;
  *directory = S_ISDIR (st.st_mode);
  *out = kata_fd__steal (&fd);
  return 0;
}

/* What is packed is a copy: of a directory that the container writes to, nobody would ever see the changes. Single files are what engines bring in
   for a container's own use (resolv.conf, hosts). */
static int
check_packed (struct kata_operation *op, const struct kata_share *share, bool directory, kata_error **err)
{
  if (share->readonly || share->rootfs)
    return 0;
  if (directory)
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, share->source,
        "volume \"%s\": nothing can be shared with this guest, so the directory is packed into a "
        "disk and the host would never see what is written to it; make the volume read-only, or use "
        "a disk of the sandbox",
        share->source);
  kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                   "volume \"%s\": the guest has a copy of this file; what is written to it there is not seen here",
                   share->source);
  return 0;
}

static int
share_one (struct kata_operation *op, const struct kata_share *share, const char *top, kata_error **err)
{
  bool directory = false;
  kata_auto_fd int source = -1;
  g_autofree char *target = g_strdup_printf ("%s/%s", top, share->path);
  const char *role = share->rootfs ? "rootfs" : "volume";
  unsigned flags = (share->readonly ? KATA_MOUNT_READONLY : 0u) | (share->recursive ? KATA_MOUNT_RECURSIVE : 0u);
  bool packed = op->state->plan.share_dir[0] == '\0';
  int r = open_source (op, share, &source, &directory, err);
  if (r == 0 && packed)
    r = check_packed (op, share, directory, err);
  if (packed)
    flags |= KATA_MOUNT_READONLY;
  if (r == 0)
    r = kata_stage__make (op, role, target, directory, err);
  if (r == 0)
    r = kata_journal__path (&op->journal, KATA_UNDO_MOUNT, role, target, err);
  return r != 0 ? r : kata_mount__bind_fd (source, share->source, op->sandbox->dirfd, target, flags, err);
}

int
kata_container__share (struct kata_operation *op, const kata_container_plan *plan, kata_error **err)
{
  if (plan->n_shares == 0)
    return 0;
  const char *top = kata_stage__relative (op, plan->packed ? op->state->plan.pack_dir : op->state->plan.share_dir);
  if (top[0] == '\0')
    return kata_error__set (err, KATA_E_UNSUPPORTED, plan->id,
                            "container \"%s\": the guest shares no directory with the host; use a disk", plan->id);
  g_autofree char *own = g_strdup_printf ("%s/%s", top, plan->id);
  int r = kata_stage__make (op, "container", own, true, err);
  for (size_t i = 0; r == 0 && i < plan->n_shares; i++)
    r = share_one (op, &plan->shares[i], top, err);
  return r == 0 ? kata_container__pack (op, plan, err) : r;
}
