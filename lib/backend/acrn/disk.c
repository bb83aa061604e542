/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: the empty disks that are there from the start are given files while the guest runs; ACRN takes none of them back. */
#include "backend/acrn/vm.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"

#define ARGUMENT_MAX 255 /* of a message between acrnctl and acrn-dm */
#define SECTOR       512

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
  if (disk->port > vm->ports)
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
  code = kata_acrn__control (vm, "blkrescan", argument, env->deadline_us, err);
  if (code == 0 || code == KATA_E_TIMEOUT)
    vm->given |= UINT64_C (1) << (disk->port - 1);
  return code;
}

static int
take_out (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_acrn_vm *vm = handle;
  bool there = disk->port <= vm->ports && (vm->given >> (disk->port - 1) & 1) != 0;
  if (!there || kata_external_vm__ended (&vm->base))
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, disk->id,
                          "disk \"%s\": ACRN takes no disk from a running guest; it goes when the guest ends",
                          disk->id);
}

const kata_backend_disk kata_acrn__disk = { sizeof (kata_backend_disk), add, take_out };
