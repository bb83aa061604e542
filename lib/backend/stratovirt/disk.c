/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk: a disk put into one of the places that microvm has from its start, and taken out again. The device is there all the time: for the guest its size
 * changes, from nothing and to nothing, and nobody asks the guest to let go.
 */
#include "backend/stratovirt/vm.h"

#include <string.h>

#include "backend/device.h"
#include "backend/qmp.h"
#include "backend/stratovirt/argv.h"
#include "base/error.h"
#include "base/json-write.h"

#define UNDO_MS 5000

kata_stratovirt_disks
kata_stratovirt__disks (const kata_vm_plan *p)
{
  kata_stratovirt_disks out = { .aio = p->block_aio, .direct = p->block_cache_direct, .limited = p->disk_ops != 0 };
  if ((p->initrd == NULL || p->initrd[0] == '\0') && p->image != NULL && p->image[0] != '\0')
    out.first++;
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++)
    out.first += p->disks[i]->port == 0;
  return out;
}

static int
check (const kata_vm_disk *disk, const kata_stratovirt_disks *disks, kata_error **err)
{
  int code = kata_device__check_disk (disk, err);
  if (code < 0)
    return code;
  if (disk->port == 0 || !g_utf8_validate (disk->path, -1, NULL))
    return kata_error__set (err, KATA_E_INVALID, disk->id, "disk \"%s\": its port or its path is wrong", disk->id);
  if (disk->port > KATA_STRATOVIRT_DISKS_MAX || disks->first + disk->port > KATA_STRATOVIRT_DISKS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, disk->id,
                            "disk \"%s\": StratoVirt's microvm has places for %d disks; %u of them are there from its "
                            "start",
                            disk->id, KATA_STRATOVIRT_DISKS_MAX, disks->first);
  if (disks->limited)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.stratovirt.disk_rate_limiter_ops_max_rate",
                            "hypervisor.stratovirt.disk_rate_limiter_ops_max_rate: disk \"%s\": StratoVirt does not "
                            "limit a disk that comes later; remove the key, or give the disk from the start",
                            disk->id);
  return 0;
}

/* The name is the device's too: StratoVirt looks for the one by the other. The format is raw, which it takes for granted. */
static char *
node_arguments (const char *name, const kata_vm_disk *disk, const kata_stratovirt_disks *disks)
{
  const char *aio = kata_stratovirt__aio (disks->aio, disks->direct);
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "node-name", name);
  kata_json_write__begin_object (&w, "file");
  kata_json_write__string (&w, "driver", "file");
  kata_json_write__string (&w, "filename", disk->path);
  kata_json_write__string (&w, "aio", strcmp (aio, "io_uring") == 0 ? "iouring" : aio);
  kata_json_write__end_object (&w);
  kata_json_write__begin_object (&w, "cache");
  kata_json_write__bool (&w, "direct", disks->direct != 0);
  kata_json_write__end_object (&w);
  kata_json_write__bool (&w, "read-only", disk->readonly != 0);
  kata_json_write__end_object (&w);
  return kata_json_write__finish (&w);
}

int
kata_stratovirt__disk_arguments (char **node, char **device, const kata_vm_disk *disk,
                                 const kata_stratovirt_disks *disks, kata_error **err)
{
  int code = check (disk, disks, err);
  if (code < 0)
    return code;
  g_autofree char *name = g_strconcat (KATA_STRATOVIRT_DISK, disk->id, NULL);
  g_autofree char *place = g_strdup_printf ("0x%x", disks->first + (unsigned) disk->port - 1);
  struct kata_json_writer w;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "id", name);
  kata_json_write__string (&w, "driver", "virtio-blk-mmio");
  kata_json_write__string (&w, "addr", place);
  kata_json_write__string (&w, "drive", name);
  kata_json_write__string (&w, "serial", disk->id);
  kata_json_write__end_object (&w);
  *node = node_arguments (name, disk, disks);
  *device = kata_json_write__finish (&w);
  return 0;
}

static int
open_qmp (kata_qmp **out, kata_stratovirt_vm *vm, const char *doing, int64_t deadline_us, kata_error **err)
{
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, doing, err);
  return kata_qmp__open (out, vm->base.dir_fd, vm->base.vmm.pidfd, deadline_us, err);
}

/* Its file too: there is no blockdev-del for this machine. What no device has yet goes the same way. */
static int delete (kata_qmp *qmp, const kata_vm_disk *disk, int64_t deadline_us, kata_error **err)
{
  g_autofree char *arguments = g_strdup_printf ("{\"id\":\"" KATA_STRATOVIRT_DISK "%s\"}", disk->id);
  return kata_qmp__execute (qmp, "device_del", arguments, NULL, deadline_us, err);
}

static int
add (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_stratovirt_vm *vm = handle;
  g_autofree char *node = NULL, *device = NULL;
  g_autoptr (kata_qmp) qmp = NULL;
  int code = kata_stratovirt__disk_arguments (&node, &device, disk, &vm->disks, err);
  if (code == 0)
    code = open_qmp (&qmp, vm, "add a disk", env->deadline_us, err);
  if (code == 0)
    code = kata_external__admit_disk (vm->base.vmm.identity.pid, disk, err);
  if (code == 0)
    code = kata_qmp__execute (qmp, "blockdev-add", node, NULL, env->deadline_us, err);
  if (code < 0)
    return code;
  code = kata_qmp__execute (qmp, "device_add", device, NULL, env->deadline_us, err);
  if (code < 0)
    delete (qmp, disk, kata_deadline__within (INT64_MAX, UNDO_MS), NULL);
  return code;
}

/* All that tells a disk that is not there from another failure; no query knows the disks of this machine. */
static bool
says_gone (const kata_error *error, const kata_vm_disk *disk)
{
  g_autofree char *words = g_strdup_printf ("Device " KATA_STRATOVIRT_DISK "%s not found", disk->id);
  return kata_error_get_code (error) == KATA_E_VMM && strstr (kata_error_get_message (error), words) != NULL;
}

static int
take_out (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  kata_error *error = NULL;
  int code = kata_device__check_disk (disk, err);
  if (code == 0)
    code = open_qmp (&qmp, handle, "remove a disk", env->deadline_us, err);
  if (code < 0)
    return code;
  code = delete (qmp, disk, env->deadline_us, &error);
  if (code == 0)
    return 0;
  if (!says_gone (error, disk))
    return kata_error__wrap (err, error, disk->id, "disk \"%s\": StratoVirt keeps it", disk->id);
  kata_error_unref (error);
  return 0;
}

const kata_backend_disk kata_stratovirt__disk = { sizeof (kata_backend_disk), add, take_out };
