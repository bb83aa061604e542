/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jail: directories and bind mounts, each recorded before it is made; the program itself is copied, and devices are made, by the jailer. */
#include "backend/fc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/mount.h"

#define RETRY_MS 3

static int
record (kata_external_vm *vm, int kind, const char *path, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *full = g_build_filename (vm->dir, path, NULL);
  kata_undo undo = { .size = sizeof undo, .kind = kind, .role = "jail", .path = full };
  return env->record (env->journal, &undo, err);
}

static int
make_directory (kata_external_vm *vm, const char *path, kata_error **err)
{
  if (mkdirat (vm->dir_fd, path, 0755) == 0)
    return 0;
  return kata_error__errno (err, KATA_E_IO, path, errno, "jail: make \"%s\" in \"%s\"", path, vm->dir);
}

/* The record of the topmost covers those below it. */
static int
make_directories (kata_external_vm *vm, const char *root, const kata_backend_env *env, kata_error **err)
{
  int code = record (vm, KATA_UNDO_DIR, KATA_FC_JAIL, env, err);
  for (const char *at = root; code == 0 && at != NULL;) {
    const char *slash = strchr (at, '/');
    g_autofree char *path = slash != NULL ? g_strndup (root, (gsize) (slash - root)) : g_strdup (root);
    code = make_directory (vm, path, err);
    at = slash != NULL ? slash + 1 : NULL;
  }
  return code;
}

/* Ours is named by the program's path, so that a later process knows it; the jailer names its by the file that the path leads to. */
static int
lead_there (kata_external_vm *vm, const char *program, kata_error **err)
{
  char *real = realpath (program, NULL); /* not of GLib's memory */
  if (real == NULL)
    return kata_error__errno (err, KATA_E_HOST, program, errno, "jail: \"%s\"", program);
  g_autofree char *name = g_path_get_basename (program), *called = g_path_get_basename (real),
                  *path = g_build_filename (KATA_FC_JAIL, called, NULL);
  free (real);
  if (strcmp (called, name) == 0 || symlinkat (name, vm->dir_fd, path) == 0)
    return 0;
  return kata_error__errno (err, KATA_E_IO, path, errno, "jail: link \"%s\" to \"%s\"", path, name);
}

struct binding {
  kata_external_vm *vm;
  const char *root; /* relative to the sandbox's directory */
  const kata_backend_env *env;
};

static int
bind_file (const struct binding *b, const char *source, const char *name, bool readonly, kata_error **err)
{
  g_autofree char *target = g_build_filename (b->root, name, NULL);
  kata_auto_fd int fd = openat (b->vm->dir_fd, target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, target, errno, "jail: make \"%s\"", target);
  int code = record (b->vm, KATA_UNDO_MOUNT, target, b->env, err);
  return code < 0 ? code : kata_mount__bind (source, b->vm->dir_fd, target, readonly ? KATA_MOUNT_READONLY : 0u, err);
}

static int
bind_optional (const struct binding *b, const char *source, const char *name, kata_error **err)
{
  return source == NULL || source[0] == '\0' ? 0 : bind_file (b, source, name, true, err);
}

static int
bind_files (const struct binding *b, const kata_vm_plan *plan, kata_error **err)
{
  g_autofree char *console = g_build_filename (b->vm->dir, KATA_FC_CONSOLE_LOG, NULL);
  int code = bind_file (b, plan->kernel, "kernel", true, err);
  if (code == 0)
    code = bind_optional (b, plan->initrd, "initrd", err);
  if (code == 0 && plan->initrd[0] == '\0')
    code = bind_optional (b, plan->image, "disk-kata-image", err);
  for (size_t i = 0; code == 0 && plan->disks != NULL && plan->disks[i] != NULL; i++) {
    g_autofree char *name = g_strconcat ("disk-", plan->disks[i]->id, NULL);
    code = bind_file (b, plan->disks[i]->path, name, plan->disks[i]->readonly != 0, err);
  }
  /* Firecracker opens it as the user that it has become. */
  if (code == 0 &&
      fchownat (b->vm->dir_fd, KATA_FC_CONSOLE_LOG, plan->jailer_uid, plan->jailer_gid, AT_SYMLINK_NOFOLLOW) != 0)
    code =
        kata_error__errno (err, KATA_E_IO, console, errno, "jail: give \"%s\" to user %u", console, plan->jailer_uid);
  return code < 0 ? code : bind_file (b, console, KATA_FC_CONSOLE_LOG, false, err);
}

char *
kata_fc__jail_root (const kata_vm_plan *plan, const char *program)
{
  g_autofree char *id = kata_fc__jail_id (plan->id);
  g_autofree char *name = g_path_get_basename (program);
  return g_build_filename (KATA_FC_JAIL, name, id, "root", NULL);
}

int
kata_fc__jail_make (struct kata_fc_jail *jail, kata_external_vm *vm, const kata_vm_plan *plan, const char *program,
                    const kata_backend_env *env, kata_error **err)
{
  const char *root = ((const kata_fc_vm *) vm)->root;
  const struct binding b = { vm, root, env };
  int code = make_directories (vm, root, env, err);
  if (code == 0)
    code = lead_there (vm, program, err);
  if (code < 0)
    return code;
  /* Before the base is a mount: a link cannot lead from one mount to another. */
  jail->root_fd = openat (vm->dir_fd, root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (jail->root_fd < 0)
    return kata_error__errno (err, KATA_E_IO, root, errno, "jail: open \"%s\"", root);
  code = record (vm, KATA_UNDO_MOUNT, KATA_FC_JAIL, env, err);
  if (code == 0)
    code = kata_mount__programs (vm->dir_fd, KATA_FC_JAIL, err);
  if (code == 0)
    code = bind_files (&b, plan, err);
  if (code == 0 && fchownat (jail->root_fd, "", plan->jailer_uid, plan->jailer_gid, AT_EMPTY_PATH) != 0)
    code = kata_error__errno (err, KATA_E_IO, root, errno, "jail: give \"%s\" to user %u", root, plan->jailer_uid);
  return code;
}

int
kata_fc__jail_publish (const struct kata_fc_jail *jail, kata_external_vm *vm, const char *name, int64_t deadline_us,
                       kata_error **err)
{
  if (jail->root_fd < 0)
    return 0;
  for (;;) {
    struct stat st;
    if (fstatat (jail->root_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK (st.st_mode))
      return kata_error__set (err, KATA_E_PERMISSION, name, "jail: \"%s\" is no socket", name);
    if (linkat (jail->root_fd, name, vm->dir_fd, name, 0) == 0)
      return 0;
    if (errno != ENOENT)
      return kata_error__errno (err, KATA_E_IO, name, errno, "jail: link socket \"%s\"", name);
    if (kata_external_vm__ended (vm))
      return kata_external_vm__ended_error (vm, "start", err);
    if (!kata_external__pause (vm->vmm.pidfd, RETRY_MS, deadline_us))
      return kata_error__set (err, KATA_E_TIMEOUT, name, "start: Firecracker does not listen in time");
  }
}

void
kata_fc__jail_clear (struct kata_fc_jail *jail)
{
  kata_fd__closep (&jail->root_fd);
}
