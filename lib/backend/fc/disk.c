/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk: a disk for a running guest takes the place of an empty one that is there from the start: Firecracker cannot add drives then, but another file
 * can be put behind one. It cannot become read-only or writable by that, so odd places are for disks that are written to, and even ones for others.
 */
#include "backend/fc/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/fc/check.h"
#include "backend/fc/jail.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/json-write.h"
#include "host/mount.h"

#define UNDO_MS 3000

bool
kata_fc__place_readonly (uint64_t place)
{
  return place % 2 == 0;
}

char *
kata_fc__place_id (uint64_t place)
{
  return g_strdup_printf ("place_%u", (unsigned) place);
}

char *
kata_fc__place_path (uint64_t place)
{
  return g_strdup_printf (KATA_FC_PLACES "/%u", (unsigned) place);
}

/* From the sandbox's directory. */
static char *
path_of (const kata_fc_vm *vm, uint64_t place)
{
  g_autofree char *path = kata_fc__place_path (place);
  return vm->root[0] == '\0' ? g_steal_pointer (&path) : g_build_filename (vm->root, path, NULL);
}

static int
record (kata_fc_vm *vm, int32_t kind, const char *path, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *full = g_build_filename (vm->base.dir, path, NULL);
  const kata_undo undo = { .size = sizeof undo, .kind = kind, .role = "disk", .path = full };
  return env->record (env->journal, &undo, err);
}

static int
make_place (kata_fc_vm *vm, uint32_t place, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *path = path_of (vm, place);
  int code = vm->root[0] != '\0' ? record (vm, KATA_UNDO_MOUNT, path, env, err) : 0;
  if (code < 0)
    return code;
  kata_auto_fd int fd = openat (vm->base.dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || (vm->root[0] != '\0' && fchown (fd, vm->uid, vm->gid) != 0))
    return kata_error__errno (err, KATA_E_IO, path, errno, "make \"%s\" in \"%s\"", path, vm->base.dir);
  return 0;
}

int
kata_fc__make_places (kata_fc_vm *vm, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *dir =
      vm->root[0] == '\0' ? g_strdup (KATA_FC_PLACES) : g_build_filename (vm->root, KATA_FC_PLACES, NULL);
  if (vm->places == 0)
    return 0;
  int code = record (vm, KATA_UNDO_DIR, dir, env, err);
  if (code == 0 && mkdirat (vm->base.dir_fd, dir, 0755) != 0)
    code = kata_error__errno (err, KATA_E_IO, dir, errno, "make \"%s\" in \"%s\"", dir, vm->base.dir);
  for (uint32_t place = 1; code == 0 && place <= vm->places; place++)
    code = make_place (vm, place, env, err);
  return code;
}

/* ---- one disk ---- */

static int
check_place (const kata_fc_vm *vm, const kata_vm_disk *disk, kata_error **err)
{
  if (disk->port > vm->places)
    return kata_error__set (err, KATA_E_LIMIT, disk->id,
                            "disk \"%s\": of the %u devices of this guest %u are places for later disks, and those for "
                            "%s ones are taken; remove one, or lower packed_containers",
                            disk->id, KATA_FC_DEVICES_MAX, vm->places, disk->readonly ? "read-only" : "writable");
  if (kata_fc__place_readonly (disk->port) != (disk->readonly != 0))
    return kata_error__set (err, KATA_E_INTERNAL, disk->id, "disk \"%s\": port %u is for disks of the other kind",
                            disk->id, (unsigned) disk->port);
  return 0;
}

static int
check_seen (kata_fc_vm *vm, const kata_vm_disk *disk, int source, kata_error **err)
{
  g_autofree char *name = kata_fc__place_path (disk->port);
  long long pid = (long long) vm->base.vmm.identity.pid;
  g_autofree char *path = vm->root[0] != '\0' ? g_strdup_printf ("/proc/%lld/cwd/%s", pid, name)
                                              : g_strdup_printf ("/proc/%lld/root%s", pid, disk->path);
  return kata_external__check_seen (disk, path, source, err);
}

/* In a jail the file is bound over the empty one. */
static int
show (kata_fc_vm *vm, const kata_vm_disk *disk, kata_error **err)
{
  g_autofree char *path = path_of (vm, disk->port);
  kata_auto_fd int source = open (disk->path, O_PATH | O_CLOEXEC);
  int code = 0;
  if (source < 0)
    return kata_error__errno (err, errno == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, disk->path, errno,
                              "disk \"%s\": \"%s\"", disk->id, disk->path);
  if (vm->root[0] != '\0')
    code = kata_mount__remove (vm->base.dir_fd, path, err); /* what a call that was cut short has left */
  if (code == 0 && vm->root[0] != '\0')
    code =
        kata_mount__bind_fd (source, disk->path, vm->base.dir_fd, path, disk->readonly ? KATA_MOUNT_READONLY : 0, err);
  return code == 0 ? check_seen (vm, disk, source, err) : code;
}

static int
hide (kata_fc_vm *vm, uint64_t place, kata_error **err)
{
  g_autofree char *path = path_of (vm, place);
  return vm->root[0] != '\0' ? kata_mount__remove (vm->base.dir_fd, path, err) : 0;
}

/* The guest is told of the new size by an interrupt. */
static int
swap (kata_fc_vm *vm, uint64_t place, const char *path, int64_t deadline_us, kata_error **err)
{
  g_autofree char *id = kata_fc__place_id (place), *url = g_strconcat ("/drives/", id, NULL);
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "drive_id", id);
  kata_json_write__string (&w, "path_on_host", path);
  kata_json_write__end_object (&w);
  g_autofree char *body = kata_json_write__finish (&w);
  const kata_fc_request request = { .method = "PATCH", .path = url, .body = body };
  return kata_fc__ask (&vm->base, &request, deadline_us, err);
}

static int
empty (kata_fc_vm *vm, uint64_t place, int64_t deadline_us, kata_error **err)
{
  g_autofree char *name = kata_fc__place_path (place);
  int code = hide (vm, place, err);
  return code == 0 ? swap (vm, place, name, deadline_us, err) : code;
}

static int
add (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_fc_vm *vm = handle;
  g_autofree char *name = kata_fc__place_path (disk->port);
  int code = check_place (vm, disk, err);
  if (code < 0)
    return code;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "add a disk", err);
  code = show (vm, disk, err);
  if (code == 0)
    code = kata_external__admit_disk (vm->base.vmm.identity.pid, disk, err);
  if (code == 0)
    code = swap (vm, disk->port, vm->root[0] != '\0' ? name : disk->path, env->deadline_us, err);
  if (code < 0)
    empty (vm, disk->port, kata_deadline__within (INT64_MAX, UNDO_MS), NULL);
  return code;
}

static int
take_out (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_fc_vm *vm = handle;
  if (disk->port > vm->places)
    return 0; /* it never came */
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "remove a disk", err);
  return empty (vm, disk->port, env->deadline_us, err);
}

const kata_backend_disk kata_fc__disk = { sizeof (kata_backend_disk), add, take_out };
