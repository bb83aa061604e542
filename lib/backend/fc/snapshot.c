/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot: a paused guest into two files of Firecracker's, and a fresh one from them, if it is that of the plan. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/fc/restored.h"
#include "backend/fc/vm.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/json-write.h"
#include "host/mount.h"

#define MACHINE 0
#define MEMORY  1
#define FILES   2

/* In the snapshot's directory. Of a machine in a jail the first has another name, because it knows its disks by those in the jail. */
static const char *const names[2][FILES] = { { "machine", "memory" }, { "machine-jailed", "memory" } };
/* In a jail's root. */
static const char *const inside[FILES] = { "snapshot-machine", "snapshot-memory" };

struct files {
  kata_fc_vm *vm;
  const kata_backend_env *env;
  const char *dir;
  bool jailed;
  int fd[FILES];
  char *path[FILES]; /* as Firecracker finds them */
};

static void
files_init (struct files *f, kata_fc_vm *vm, const char *dir, const kata_backend_env *env)
{
  *f = (struct files){ .vm = vm, .env = env, .dir = dir, .jailed = vm->root[0] != '\0', .fd = { -1, -1 } };
  for (size_t i = 0; i < FILES; i++)
    f->path[i] = f->jailed ? g_strconcat ("/", inside[i], NULL) : g_build_filename (dir, names[0][i], NULL);
}

static void
files_clear (struct files *f)
{
  for (size_t i = 0; i < FILES; i++) {
    kata_fd__closep (&f->fd[i]);
    g_free (f->path[i]);
  }
}

static int
open_files (struct files *f, int flags, kata_error **err)
{
  kata_auto_fd int dir = open (f->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0)
    return kata_error__errno (err, KATA_E_IO, f->dir, errno, "snapshot: open \"%s\"", f->dir);
  for (size_t i = 0; i < FILES; i++) {
    const char *name = names[f->jailed][i];
    f->fd[i] = openat (dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (f->fd[i] >= 0)
      continue;
    int failure = errno;
    if (failure == ENOENT && faccessat (dir, names[!f->jailed][i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
      return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.fc.jailer_path",
                              "hypervisor.fc.jailer_path: the snapshot is that of a machine %s the jailer, which knows "
                              "its disks by other names; it comes back only so",
                              f->jailed ? "without" : "with");
    return kata_error__errno (err, failure == ENOENT ? KATA_E_CORRUPT : KATA_E_IO, name, failure,
                              "snapshot: open \"%s\" in \"%s\"", name, f->dir);
  }
  return 0;
}

static char *
path_inside (const struct files *f, size_t i)
{
  return g_build_filename (f->vm->root, inside[i], NULL);
}

static void
hide_one (struct files *f, size_t i)
{
  g_autofree char *target = path_inside (f, i);
  if (kata_mount__remove (f->vm->base.dir_fd, target, NULL) == 0)
    unlinkat (f->vm->base.dir_fd, target, 0);
}

static int
bind_one (struct files *f, size_t i, unsigned flags, kata_error **err)
{
  kata_external_vm *vm = &f->vm->base;
  g_autofree char *target = path_inside (f, i), *full = g_build_filename (vm->dir, target, NULL);
  const kata_undo undo = { .size = sizeof undo, .kind = KATA_UNDO_MOUNT, .role = "snapshot", .path = full };
  int code = f->env->record (f->env->journal, &undo, err);
  if (code < 0)
    return code;
  hide_one (f, i); /* what a call that was cut short has left, or the jail's user, whose directory it is */
  kata_auto_fd int fd = openat (vm->dir_fd, target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, target, errno, "jail: make \"%s\"", target);
  return kata_mount__bind_fd (f->fd[i], names[f->jailed][i], vm->dir_fd, target, flags, err);
}

/* Into the jail, if there is one. */
static int
show (struct files *f, unsigned flags, kata_error **err)
{
  int code = 0;
  for (size_t i = 0; code == 0 && f->jailed && i < FILES; i++)
    code = bind_one (f, i, flags, err);
  return code;
}

static void
hide (struct files *f)
{
  for (size_t i = 0; f->jailed && i < FILES; i++)
    hide_one (f, i);
}

/* ---- there ---- */

static char *
create_body (const struct files *f)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "snapshot_type", "Full");
  kata_json_write__string (&w, "snapshot_path", f->path[MACHINE]);
  kata_json_write__string (&w, "mem_file_path", f->path[MEMORY]);
  kata_json_write__end_object (&w);
  return kata_json_write__finish (&w);
}

/* While they are written they belong to the jail's user. */
static int
give (const struct files *f, uid_t uid, gid_t gid, kata_error **err)
{
  for (size_t i = 0; f->jailed && i < FILES; i++)
    if (f->fd[i] >= 0 && fchown (f->fd[i], uid, gid) != 0)
      return kata_error__errno (err, KATA_E_IO, names[1][i], errno, "snapshot: give \"%s\" to user %u", names[1][i],
                                (unsigned) uid);
  return 0;
}

/* In other mounts than ours a VMM would have written elsewhere. */
static int
check_written (const struct files *f, kata_error **err)
{
  for (size_t i = 0; i < FILES; i++) {
    struct stat st;
    if (fstat (f->fd[i], &st) != 0 || st.st_size == 0)
      return kata_error__set (err, KATA_E_VMM, names[f->jailed][i],
                              "snapshot: Firecracker wrote nothing into \"%s\" of \"%s\"", names[f->jailed][i], f->dir);
  }
  return 0;
}

static int
write_files (struct files *f, kata_error **err)
{
  kata_external_vm *vm = &f->vm->base;
  g_autofree char *body = create_body (f);
  const kata_fc_request request = { .method = "PUT", .path = (char *) "/snapshot/create", .body = body };
  struct rlimit before;
  int code = open_files (f, O_RDWR | O_CREAT | O_EXCL, err);
  if (code == 0)
    code = give (f, f->vm->uid, f->vm->gid, err);
  if (code == 0)
    code = show (f, 0, err);
  if (code == 0)
    code = kata_external__lift_bound (vm->vmm.identity.pid, &before, err);
  if (code == 0) {
    code = kata_fc__ask (vm, &request, f->env->deadline_us, err);
    if (!kata_external_vm__ended (vm)) /* its number may be another's by now */
      kata_external__set_bound (vm->vmm.identity.pid, &before);
  }
  hide (f);
  if (code == 0)
    code = give (f, geteuid (), getegid (), err);
  return code == 0 ? check_written (f, err) : code;
}

static int
save (void *handle, const char *dir, const kata_backend_env *env, kata_error **err)
{
  kata_fc_vm *vm = handle;
  struct files f;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "snapshot", err);
  files_init (&f, vm, dir, env);
  int code = write_files (&f, err);
  files_clear (&f);
  return code;
}

/* ---- and back ---- */

/* The jail's user must be able to read them, and only there can he get at them: the directory is ours alone. */
static int
let_read (const struct files *f, kata_error **err)
{
  for (size_t i = 0; f->jailed && i < FILES; i++)
    if (fchown (f->fd[i], (uid_t) -1, f->vm->gid) != 0 || fchmod (f->fd[i], 0640) != 0)
      return kata_error__errno (err, KATA_E_IO, names[1][i], errno, "restore: let group %u read \"%s\"",
                                (unsigned) f->vm->gid, names[1][i]);
  return 0;
}

static char *
load_body (const struct files *f)
{
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "snapshot_path", f->path[MACHINE]);
  kata_json_write__begin_object (&w, "mem_backend");
  kata_json_write__string (&w, "backend_type", "File");
  kata_json_write__string (&w, "backend_path", f->path[MEMORY]);
  kata_json_write__end_object (&w);
  kata_json_write__bool (&w, "resume_vm", false);
  kata_json_write__end_object (&w);
  return kata_json_write__finish (&w);
}

/* Of what a machine is set up by only these may come before a snapshot, and are not in it. */
static int
send_early (kata_external_vm *vm, const GPtrArray *requests, int64_t deadline_us, kata_error **err)
{
  static const char *const early[] = { "/logger", "/metrics", "/serial", NULL };
  int code = 0;
  for (guint i = 0; code == 0 && i < requests->len; i++) {
    const kata_fc_request *request = g_ptr_array_index (requests, i);
    if (g_strv_contains (early, request->path))
      code = kata_fc__ask (vm, request, deadline_us, err);
  }
  return code;
}

static int
load (struct files *f, const GPtrArray *requests, kata_error **err)
{
  kata_external_vm *vm = &f->vm->base;
  g_autofree char *body = load_body (f), *config = NULL;
  const kata_fc_request request = { .method = "PUT", .path = (char *) "/snapshot/load", .body = body };
  int64_t deadline_us = f->env->deadline_us;
  int code = open_files (f, O_RDONLY, err);
  if (code == 0)
    code = let_read (f, err);
  if (code == 0)
    code = show (f, KATA_MOUNT_READONLY, err);
  if (code == 0)
    code = send_early (vm, requests, deadline_us, err);
  if (code == 0)
    code = kata_fc__ask (vm, &request, deadline_us, err);
  hide (f);
  if (code == 0)
    code = kata_fc__get (&config, vm, "/vm/config", deadline_us, err);
  return code == 0 ? kata_fc__check_restored (config, requests, err) : code;
}

int
kata_fc__take (kata_fc_vm *vm, const GPtrArray *requests, const char *dir, const kata_backend_env *env,
               kata_error **err)
{
  struct files f;
  files_init (&f, vm, dir, env);
  int code = load (&f, requests, err);
  files_clear (&f);
  return code;
}

static int
restore (void **vm, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err)
{
  return kata_fc__start (vm, plan, dir, env, err);
}

const kata_backend_snapshot kata_fc__snapshot = { sizeof (kata_backend_snapshot), save, restore };
