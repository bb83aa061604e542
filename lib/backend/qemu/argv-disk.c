/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-disk: disks in QEMU's words. */
#include "backend/qemu/builder.h"

#include "backend/device.h"
#include "base/error.h"

#define DISKS_MAX 16

/* The format is said, never probed: a guest could write another format's header into its disk. */
static void
add_disk (kata_qemu_builder *b, size_t n, const char *path, bool readonly, const char *serial)
{
  static const char *const aio[] = { "threads", "native", "io_uring" };
  const kata_vm_plan *p = b->plan;
  g_autofree char *file = kata_qemu__quoted (path);
  int32_t mode = p->block_aio >= 0 && p->block_aio < (int32_t) G_N_ELEMENTS (aio) ? p->block_aio : 0;
  if (mode == 1 && !p->block_cache_direct)
    mode = 0; /* native needs O_DIRECT */
  kata_qemu__add (
      b, "-blockdev",
      "driver=raw,node-name=disk%zu,read-only=%s,auto-read-only=off,discard=unmap,cache.direct=%s%s,file.driver=%s,"
      "file.filename=%s,file.aio=%s,file.locking=auto",
      n, readonly ? "on" : "off", p->block_cache_direct ? "on" : "off", p->block_no_flush ? ",cache.no-flush=on" : "",
      g_str_has_prefix (path, "/dev/") ? "host_device" : "file", file, aio[mode]);
  g_autofree char *queues = p->block_queues != 0 ? g_strdup_printf (",num-queues=%u", p->block_queues) : g_strdup ("");
  g_autofree char *size =
      p->block_queue_size != 0 ? g_strdup_printf (",queue-size=%u", p->block_queue_size) : g_strdup ("");
  g_autoptr (GString) more = g_string_new (p->io_threads ? ",iothread=disks" : "");
  if (p->block_logical_size != 0)
    g_string_append_printf (more, ",logical_block_size=%u", p->block_logical_size);
  if (p->block_physical_size != 0)
    g_string_append_printf (more, ",physical_block_size=%u", p->block_physical_size);
  kata_qemu__add (b, "-device", "virtio-blk-%s,drive=disk%zu,serial=%s%s%s%s%s", b->bus, n, serial, queues, size,
                  more->str, b->platform);
}

int
kata_qemu__add_disks (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  size_t n = 0;
  if (p->io_threads)
    kata_qemu__add (b, "-object", "iothread,id=disks");
  if (kata_qemu__given (p->image) && !kata_qemu__given (p->initrd))
    add_disk (b, n++, p->image, true, "kata-image");
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++, n++) {
    const kata_vm_disk *disk = p->disks[i];
    int code = kata_device__check_disk (disk, err);
    if (code < 0)
      return code;
    if (n >= DISKS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, disk->id, "disk \"%s\": qemu takes at most %d disks", disk->id,
                              DISKS_MAX);
    add_disk (b, n, disk->path, disk->readonly != 0, disk->id);
  }
  return 0;
}
