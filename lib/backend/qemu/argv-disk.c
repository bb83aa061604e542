/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-disk: disks in QEMU's words. */
#include "backend/qemu/builder.h"

#include "backend/device.h"
#include "backend/qemu/disk.h"
#include "base/error.h"

#define DISKS_MAX 16

/* The format is said, never probed: a guest could write another format's header into its disk. */
static void
add_file (kata_qemu_builder *b, size_t n, const char *path, bool readonly)
{
  const kata_vm_plan *p = b->plan;
  g_autofree char *file = kata_qemu__quoted (path);
  kata_qemu__add (
      b, "-blockdev",
      "driver=raw,node-name=disk%zu,read-only=%s,auto-read-only=off,discard=unmap,cache.direct=%s%s,file.driver=%s,"
      "file.filename=%s,file.aio=%s,file.locking=auto",
      n, readonly ? "on" : "off", p->block_cache_direct ? "on" : "off", p->block_no_flush ? ",cache.no-flush=on" : "",
      kata_qemu__file_driver (path), file, kata_qemu__aio (p->block_aio, p->block_cache_direct));
}

static void
append_size (GString *text, const char *name, uint32_t size)
{
  if (size != 0)
    g_string_append_printf (text, ",%s=%u", name, size);
}

static void
append_sectors (const kata_vm_plan *p, GString *text)
{
  append_size (text, "logical_block_size", p->block_logical_size);
  append_size (text, "physical_block_size", p->block_physical_size);
}

static void
add_virtio_blk (kata_qemu_builder *b, size_t n, const char *serial)
{
  const kata_vm_plan *p = b->plan;
  g_autoptr (GString) more = g_string_new (NULL);
  append_size (more, "num-queues", p->block_queues);
  append_size (more, "queue-size", p->block_queue_size);
  if (p->io_threads)
    g_string_append (more, ",iothread=disks");
  append_sectors (p, more);
  kata_qemu__add (b, "-device", "virtio-blk-%s,drive=disk%zu,serial=%s%s%s", b->bus, n, serial, more->str, b->platform);
}

/* As many queues as are asked for, else one: QEMU's own number is that of the vCPUs, which a server need not have. */
static void
add_vhost_user (kata_qemu_builder *b, size_t n, const kata_vm_disk *disk)
{
  const kata_vm_plan *p = b->plan;
  g_autofree char *chardev = g_strdup_printf ("vhost%zu", n);
  g_autoptr (GString) more = g_string_new (NULL);
  append_size (more, "num-queues", MAX (p->block_queues, 1));
  append_size (more, "queue-size", p->block_queue_size);
  kata_qemu__add_server (b, chardev, disk->path);
  kata_qemu__add (b, "-device", "vhost-user-blk-%s,id=" KATA_QEMU_VHOST_DISK "%s,chardev=%s%s%s", b->bus, disk->id,
                  chardev, more->str, b->platform);
}

/* One controller, whose queues all disks share. */
static void
add_controller (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  g_autoptr (GString) more = g_string_new (NULL);
  append_size (more, "num_queues", p->block_queues);
  append_size (more, "virtqueue_size", p->block_queue_size);
  if (p->io_threads)
    g_string_append (more, ",iothread=disks");
  kata_qemu__add (b, "-device", "virtio-scsi-%s,id=scsi%s%s", b->bus, more->str, b->platform);
}

static void
add_scsi (kata_qemu_builder *b, size_t n, size_t target, const char *serial)
{
  g_autoptr (GString) more = g_string_new (NULL);
  append_sectors (b->plan, more);
  kata_qemu__add (b, "-device", "scsi-hd,bus=scsi.0,channel=0,scsi-id=%zu,lun=0,drive=disk%zu,serial=%s%s", target, n,
                  serial, more->str);
}

static size_t
add_image (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  if (!kata_qemu__given (p->image) || kata_qemu__given (p->initrd))
    return 0;
  if (p->image_driver != KATA_IMAGE_BLK) {
    kata_qemu__add_image_memory (b);
    return 0;
  }
  add_file (b, 0, p->image, true);
  add_virtio_blk (b, 0, "kata-image");
  return 1;
}

static bool
any_file (const kata_vm_plan *p)
{
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++)
    if (p->disks[i]->vhost_user == 0)
      return true;
  return false;
}

void
kata_qemu__add_server (kata_qemu_builder *b, const char *id, const char *socket)
{
  g_autofree char *path = kata_qemu__quoted (socket);
  g_autoptr (GString) more = g_string_new (NULL);
  append_size (more, "reconnect", (uint32_t) b->plan->vhost_user_reconnect);
  kata_qemu__add (b, "-chardev", "socket,id=%s,path=%s%s", id, path, more->str);
}

/* A disk whose server is a program has no file that QEMU opens. */
static void
add_disk (kata_qemu_builder *b, size_t n, size_t i)
{
  const kata_vm_disk *disk = b->plan->disks[i];
  if (disk->vhost_user != 0) {
    add_vhost_user (b, n, disk);
    return;
  }
  add_file (b, n, disk->path, disk->readonly != 0);
  if (b->plan->block_driver == KATA_BLOCK_SCSI)
    add_scsi (b, n, i, disk->id);
  else
    add_virtio_blk (b, n, disk->id);
}

int
kata_qemu__add_disks (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  if (p->io_threads)
    kata_qemu__add (b, "-object", "iothread,id=disks");
  size_t n = add_image (b);
  if (p->block_driver == KATA_BLOCK_SCSI && any_file (p))
    add_controller (b);
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++, n++) {
    const kata_vm_disk *disk = p->disks[i];
    int code = kata_device__check_disk (disk, err);
    if (code < 0)
      return code;
    if (n >= DISKS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, disk->id, "disk \"%s\": qemu takes at most %d disks", disk->id,
                              DISKS_MAX);
    add_disk (b, n, i);
  }
  return 0;
}
