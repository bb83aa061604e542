/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: the empty disks that are there from the start are given files while the guest runs; ACRN takes none of them back. */
#include "backend/acrn/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

#define ARGUMENT_MAX 255 /* of a message between acrnctl and acrn-dm */
#define SECTOR       512
#define NOTE         "disk-port-%u"

/*
 * acrn-dm cannot be asked which of its disks have files. So a file of no bytes in the sandbox's directory says of a port that it was given one, or may
 * have been: it is made before acrn-dm is told, for whoever comes after a crash.
 */
static int
note (kata_acrn_vm *vm, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  g_autofree char *name = g_strdup_printf (NOTE, (unsigned) disk->port);
  int code = kata_external__record_file (vm->base.dir, name, env, err);
  if (code < 0)
    return code;
  kata_auto_fd int fd = openat (vm->base.dir_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd >= 0 ? 0 : kata_error__errno (err, KATA_E_IO, name, errno, "make \"%s\" in \"%s\"", name, vm->base.dir);
}

static void
forget (kata_acrn_vm *vm, const kata_vm_disk *disk)
{
  g_autofree char *name = g_strdup_printf (NOTE, (unsigned) disk->port);
  unlinkat (vm->base.dir_fd, name, 0); /* should it stay, the port does, too */
}

static bool
is_noted (const kata_acrn_vm *vm, const kata_vm_disk *disk)
{
  g_autofree char *name = g_strdup_printf (NOTE, (unsigned) disk->port);
  return faccessat (vm->base.dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What acrn-dm would refuse with a number for an error. */
static int
check_file (kata_acrn_vm *vm, const kata_vm_disk *disk, kata_error **err)
{
  struct stat st;
  kata_auto_fd int fd = -1;
  int code = kata_external__open_file (&fd, disk->path, !disk->readonly, disk->id, err);
  if (code < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    return code;
  if (st.st_size % SECTOR != 0)
    return kata_error__set (err, KATA_E_INVALID, disk->id,
                            "disk \"%s\": \"%s\" has %lld bytes; ACRN takes whole sectors of %d bytes only", disk->id,
                            disk->path, (long long) st.st_size, SECTOR);
  if (!disk->readonly)
    vm->file_max = MAX (vm->file_max, (uint64_t) st.st_size);
  return 0;
}

static int
add (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_acrn_vm *vm = handle;
  g_autofree char *words = NULL;
  if (disk->port == 0 || disk->port > vm->ports)
    return kata_error__set (err, KATA_E_LIMIT, disk->id, "disk \"%s\": this machine has %u places for later disks",
                            disk->id, vm->ports);
  int code = kata_acrn__disk_words (&words, disk, err);
  if (code == 0)
    code = check_file (vm, disk, err);
  if (code < 0)
    return code;
  g_autofree char *argument = g_strdup_printf ("%u,%s", vm->port_slot + (uint32_t) disk->port - 1, words);
  if (strlen (argument) > ARGUMENT_MAX)
    return kata_error__set (err, KATA_E_LIMIT, disk->id,
                            "disk \"%s\": \"%s\" is too long; acrnctl takes paths of about %d bytes", disk->id,
                            disk->path, ARGUMENT_MAX - 8);
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "add a disk", err);
  kata_acrn__bound (vm);
  code = note (vm, disk, env, err);
  if (code == 0)
    code = kata_acrn__control (vm, "blkrescan", argument, env->deadline_us, err);
  if (code < 0 && code != KATA_E_TIMEOUT)
    forget (vm, disk);
  return code;
}

static int
take_out (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_acrn_vm *vm = handle;
  if (!is_noted (vm, disk) || kata_external_vm__ended (&vm->base))
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, disk->id,
                          "disk \"%s\": ACRN takes no disk from a running guest; it goes when the guest ends",
                          disk->id);
}

const kata_backend_disk kata_acrn__disk = { sizeof (kata_backend_disk), add, take_out };
