/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk: a disk put into a running guest, and taken out again. Its file is bound into the sandbox's directory: the VMM's Landlock domain is made before
 * it boots, and what it was not told of then it may not open.
 */
#include "backend/clh/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/clh/config.h"
#include "base/error.h"
#include "base/fd.h"
#include "host/mount.h"

static char *
place_of (uint64_t port)
{
  return g_strdup_printf (KATA_CLH_PORTS_DIR "/%u", (unsigned) port);
}

static int
record (const char *dir, const char *name, int32_t kind, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  const kata_undo undo = { .size = sizeof undo, .kind = kind, .role = "disk", .path = path };
  return env->record (env->journal, &undo, err);
}

int
kata_clh__make_ports (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  if (plan->disk_ports > KATA_CLH_PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "hypervisor.clh.disk_ports",
                            "hypervisor.clh.disk_ports: %u; clh is given at most %d", plan->disk_ports,
                            KATA_CLH_PORTS_MAX);
  int code = record (vm->dir, KATA_CLH_PORTS_DIR, KATA_UNDO_DIR, env, err);
  for (uint32_t port = 1; code == 0 && port <= plan->disk_ports; port++) {
    g_autofree char *name = place_of (port);
    code = record (vm->dir, name, KATA_UNDO_FILE, env, err);
    if (code == 0)
      code = record (vm->dir, name, KATA_UNDO_MOUNT, env, err);
  }
  if (code == 0 && mkdirat (vm->dir_fd, KATA_CLH_PORTS_DIR, 0700) != 0 && errno != EEXIST)
    return kata_error__errno (err, KATA_E_IO, vm->dir, errno, "make \"" KATA_CLH_PORTS_DIR "\" in \"%s\"", vm->dir);
  return code;
}

static int
unbind (kata_external_vm *vm, const char *place, kata_error **err)
{
  int code = kata_mount__remove (vm->dir_fd, place, err);
  if (code == 0 && unlinkat (vm->dir_fd, place, 0) != 0 && errno != ENOENT)
    return kata_error__errno (err, KATA_E_IO, place, errno, "remove \"%s\"", place);
  return code;
}

static int
check_seen (kata_external_vm *vm, const kata_vm_disk *disk, const char *place, int source, kata_error **err)
{
  g_autofree char *path =
      g_strdup_printf ("/proc/%d/cwd/%s", (int) vm->vmm.identity.pid, place); /* it runs in the sandbox's directory */
  return kata_external__check_seen (disk, path, source, err);
}

static int
bind_file (kata_external_vm *vm, const kata_vm_disk *disk, const char *place, kata_error **err)
{
  kata_auto_fd int source = open (disk->path, O_PATH | O_CLOEXEC);
  if (source < 0)
    return kata_error__errno (err, errno == ENOENT ? KATA_E_NOT_FOUND : KATA_E_IO, disk->path, errno,
                              "disk \"%s\": \"%s\"", disk->id, disk->path);
  int code = unbind (vm, place, err); /* what a call that was cut short has left */
  if (code < 0)
    return code;
  kata_auto_fd int target = openat (vm->dir_fd, place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (target < 0)
    return kata_error__errno (err, KATA_E_IO, place, errno, "make \"%s\" in \"%s\"", place, vm->dir);
  code = kata_mount__bind_fd (source, disk->path, vm->dir_fd, place, disk->readonly ? KATA_MOUNT_READONLY : 0, err);
  return code == 0 ? check_seen (vm, disk, place, source, err) : code;
}

static int
add (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  g_autofree char *body = NULL, *place = place_of (disk->port), *path = g_build_filename (vm->dir, place, NULL);
  int code = kata_clh__late_disk_config (&body, disk, path, &((kata_clh_vm *) vm)->disks, err);
  if (code < 0)
    return code;
  if (kata_external_vm__ended (vm))
    return kata_external_vm__ended_error (vm, "add a disk", err);
  /* A server's socket is connected to, which Landlock does not hinder. */
  code = disk->vhost_user != 0 ? 0 : bind_file (vm, disk, place, err);
  if (code == 0)
    code = kata_external__admit_disk (vm->vmm.identity.pid, disk, err);
  if (code == 0)
    code = kata_clh__put (vm, "vm.add-disk", body, NULL, 0, env->deadline_us, err);
  if (code < 0)
    unbind (vm, place, NULL);
  return code;
}

static int
take_out (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *id = kata_clh__disk_id (disk), *place = place_of (disk->port);
  const struct kata_clh_device device = { "disks", id, "disk", disk->id };
  int code = kata_clh__release (handle, &device, env->deadline_us, err);
  return code == 0 ? unbind (handle, place, err) : code;
}

const kata_backend_disk kata_clh__disk = { sizeof (kata_backend_disk), add, take_out, kata_clh__place };
