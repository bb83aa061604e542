/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: a disk put into a root port of a running machine, and taken out again. */
#include "backend/qemu/disk.h"

#include <string.h>

#include "backend/device.h"
#include "backend/external.h"
#include "backend/qemu/argv.h"
#include "backend/qemu/hotplug.h"
#include "base/error.h"

#define RELEASE_MS                                                                                                     \
  20000               /* how long the guest may take: without ACPI's help Linux waits five seconds before it lets go */
#define CLOSE_MS 5000 /* and QEMU, to close the file afterwards */
#define STEP_MS  10
#define UNDO_MS  5000

kata_qemu_disks
kata_qemu__disks (const kata_vm_plan *p)
{
  return (kata_qemu_disks){ .aio = p->block_aio,
                            .direct = p->block_cache_direct,
                            .no_flush = p->block_no_flush,
                            .io_threads = p->io_threads,
                            .platform = p->iommu_platform,
                            .queues = p->block_queues,
                            .queue_size = p->block_queue_size,
                            .logical_size = p->block_logical_size,
                            .physical_size = p->block_physical_size,
                            .reconnect = (uint32_t) p->vhost_user_reconnect };
}

const char *
kata_qemu__aio (int32_t aio, int32_t direct)
{
  static const char *const words[] = { "threads", "native", "io_uring" };
  if (aio < 0 || aio >= (int32_t) G_N_ELEMENTS (words) || (aio == 1 && !direct)) /* native needs O_DIRECT */
    return words[0];
  return words[aio];
}

const char *
kata_qemu__file_driver (const char *path)
{
  return g_str_has_prefix (path, "/dev/") ? "host_device" : "file";
}

static void
open_object (JsonBuilder *builder, const char *name)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
}

/* The format is said, never probed: a guest could write another format's header into its disk. */
static char *
node_arguments (const char *name, const kata_vm_disk *disk, const kata_qemu_disks *disks)
{
  g_autoptr (JsonBuilder) builder = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (builder, "driver", "raw");
  kata_qemu__set_text (builder, "node-name", name);
  kata_qemu__set_bool (builder, "read-only", disk->readonly != 0);
  kata_qemu__set_bool (builder, "auto-read-only", false);
  kata_qemu__set_text (builder, "discard", "unmap");
  open_object (builder, "cache");
  kata_qemu__set_bool (builder, "direct", disks->direct != 0);
  kata_qemu__set_bool (builder, "no-flush", disks->no_flush != 0);
  json_builder_end_object (builder);
  open_object (builder, "file");
  kata_qemu__set_text (builder, "driver", kata_qemu__file_driver (disk->path));
  kata_qemu__set_text (builder, "filename", disk->path);
  kata_qemu__set_text (builder, "aio", kata_qemu__aio (disks->aio, disks->direct));
  kata_qemu__set_text (builder, "locking", "auto");
  json_builder_end_object (builder);
  return kata_qemu__finish (builder);
}

static void
set_size (JsonBuilder *builder, const char *name, uint32_t value)
{
  if (value != 0)
    kata_qemu__set_number (builder, name, value);
}

/* What QEMU has instead of a file for one with a vhost-user server. */
static char *
server_arguments (const char *name, const kata_vm_disk *disk, const kata_qemu_disks *disks)
{
  g_autoptr (JsonBuilder) builder = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (builder, "id", name);
  open_object (builder, "backend");
  kata_qemu__set_text (builder, "type", "socket");
  open_object (builder, "data");
  open_object (builder, "addr");
  kata_qemu__set_text (builder, "type", "unix");
  open_object (builder, "data");
  kata_qemu__set_text (builder, "path", disk->path);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  kata_qemu__set_bool (builder, "server", false);
  set_size (builder, "reconnect", disks->reconnect);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  return kata_qemu__finish (builder);
}

static char *
vhost_device_arguments (const char *name, const char *server, const char *bus, const kata_qemu_disks *disks)
{
  g_autoptr (JsonBuilder) builder = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (builder, "driver", "vhost-user-blk-pci");
  kata_qemu__set_text (builder, "id", name);
  kata_qemu__set_text (builder, "bus", bus);
  kata_qemu__set_text (builder, "chardev", server);
  set_size (builder, "num-queues", MAX (disks->queues, 1));
  set_size (builder, "queue-size", disks->queue_size);
  if (disks->platform)
    kata_qemu__set_bool (builder, "iommu_platform", true);
  return kata_qemu__finish (builder);
}

static char *
device_arguments (const char *name, const char *node, const char *bus, const kata_vm_disk *disk,
                  const kata_qemu_disks *disks)
{
  g_autoptr (JsonBuilder) builder = json_builder_begin_object (json_builder_new ());
  kata_qemu__set_text (builder, "driver", "virtio-blk-pci");
  kata_qemu__set_text (builder, "id", name);
  kata_qemu__set_text (builder, "bus", bus);
  kata_qemu__set_text (builder, "drive", node);
  kata_qemu__set_text (builder, "serial", disk->id);
  set_size (builder, "num-queues", disks->queues);
  set_size (builder, "queue-size", disks->queue_size);
  if (disks->io_threads)
    kata_qemu__set_text (builder, "iothread", "disks");
  set_size (builder, "logical_block_size", disks->logical_size);
  set_size (builder, "physical_block_size", disks->physical_size);
  if (disks->platform)
    kata_qemu__set_bool (builder, "iommu_platform", true);
  return kata_qemu__finish (builder);
}

static int
check (const kata_vm_disk *disk, kata_error **err)
{
  int code = kata_device__check_disk (disk, err);
  if (code < 0)
    return code;
  if (disk->port == 0 || disk->port > KATA_QEMU_DISK_PORTS_MAX || !g_utf8_validate (disk->path, -1, NULL))
    return kata_error__set (err, KATA_E_INVALID, disk->id, "disk \"%s\": its port or its path is wrong", disk->id);
  return 0;
}

static char *
name_of (const char *format, const kata_vm_disk *disk)
{
  g_autofree char *number = g_strdup_printf ("%u", (unsigned) disk->port);
  return g_strconcat (format, number, NULL);
}

char *
kata_qemu__disk_name (const kata_vm_disk *disk)
{
  return name_of (KATA_QEMU_DISK, disk);
}

int
kata_qemu__disk_arguments (char **node, char **device, const kata_vm_disk *disk, const kata_qemu_disks *disks,
                           kata_error **err)
{
  int code = check (disk, err);
  if (code < 0)
    return code;
  g_autofree char *name = name_of (KATA_QEMU_DISK, disk), *node_name = name_of (KATA_QEMU_DISK_NODE, disk);
  g_autofree char *bus = name_of (KATA_QEMU_DISK_PORT, disk), *server = name_of (KATA_QEMU_DISK_SERVER, disk);
  if (disk->vhost_user != 0) {
    *node = server_arguments (server, disk, disks);
    *device = vhost_device_arguments (name, server, bus, disks);
    return 0;
  }
  *node = node_arguments (node_name, disk, disks);
  *device = device_arguments (name, node_name, bus, disk, disks);
  return 0;
}

/* An answer that is none says that it is there: then the caller tries again, until its time is over. */
static bool
listed (kata_qmp *qmp, const char *query, const char *arguments, const char *member, const char *name,
        int64_t deadline_us)
{
  g_autoptr (JsonNode) result = NULL;
  int code = kata_qmp__execute (qmp, query, arguments, &result, deadline_us, NULL);
  JsonArray *all = code == 0 && JSON_NODE_HOLDS_ARRAY (result) ? json_node_get_array (result) : NULL;
  for (guint i = 0; all != NULL && i < json_array_get_length (all); i++) {
    JsonNode *item = json_array_get_element (all, i);
    JsonNode *found =
        JSON_NODE_HOLDS_OBJECT (item) ? json_object_get_member (json_node_get_object (item), member) : NULL;
    const char *text = found != NULL && JSON_NODE_HOLDS_VALUE (found) ? json_node_get_string (found) : NULL;
    if (g_strcmp0 (text, name) == 0)
      return true;
  }
  return all == NULL;
}

static bool
is_there (kata_qmp *qmp, const kata_vm_disk *disk, const char *name, int64_t deadline_us)
{
  return disk->vhost_user != 0
             ? listed (qmp, "query-chardev", NULL, "label", name, deadline_us)
             : listed (qmp, "query-named-block-nodes", "{\"flat\":true}", "node-name", name, deadline_us);
}

/* The device is gone for the guest a little before QEMU itself has done with it, and then refuses. */
static int
close_node (kata_qmp *qmp, const kata_vm_disk *disk, int64_t deadline_us, kata_error **err)
{
  bool server = disk->vhost_user != 0;
  const char *command = server ? "chardev-remove" : "blockdev-del";
  g_autofree char *name = name_of (server ? KATA_QEMU_DISK_SERVER : KATA_QEMU_DISK_NODE, disk);
  g_autofree char *arguments = g_strdup_printf ("{\"%s\":\"%s\"}", server ? "id" : "node-name", name);
  int64_t until = kata_deadline__within (deadline_us, CLOSE_MS);
  while (is_there (qmp, disk, name, until)) {
    kata_error *error = NULL;
    int code = kata_qmp__execute (qmp, command, arguments, NULL, until, &error);
    if (code == 0)
      return 0;
    /* One that is gone would be asked again and again, and never say anything else. */
    if (!kata_qemu__refused (error, command) || kata_deadline__now () >= until)
      return kata_error__wrap (err, error, disk->id, "disk \"%s\": QEMU does not close its %s", disk->id,
                               server ? "server's socket" : "file");
    kata_error_unref (error);
    g_usleep (STEP_MS * 1000);
  }
  return 0;
}

static int
add (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  g_autofree char *node = NULL, *device = NULL;
  g_autoptr (kata_qmp) qmp = NULL;
  int code = kata_qemu__disk_arguments (&node, &device, disk, &vm->disks, err);
  if (code == 0)
    code = kata_qemu__open_qmp (&qmp, vm, "add a disk", env->deadline_us, err);
  if (code == 0)
    code = kata_external__admit_disk (vm->base.vmm.identity.pid, disk, err);
  if (code == 0)
    code = kata_qmp__execute (qmp, disk->vhost_user != 0 ? "chardev-add" : "blockdev-add", node, NULL, env->deadline_us,
                              err);
  if (code < 0)
    return code;
  code = kata_qmp__execute (qmp, "device_add", device, NULL, env->deadline_us, err);
  if (code < 0)
    close_node (qmp, disk, kata_deadline__within (INT64_MAX, UNDO_MS), NULL);
  return code;
}

static int
take_out (void *handle, const kata_vm_disk *disk, const kata_backend_env *env, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = NULL;
  int code = check (disk, err);
  if (code < 0)
    return code;
  g_autofree char *name = name_of (KATA_QEMU_DISK, disk);
  code = kata_qemu__open_qmp (&qmp, handle, "remove a disk", env->deadline_us, err);
  if (code == 0)
    code = kata_qemu__release (qmp, name, "disk", disk->id, RELEASE_MS, env->deadline_us, err);
  return code == 0 ? close_node (qmp, disk, env->deadline_us, err) : code;
}

const kata_backend_disk kata_qemu__disk = { sizeof (kata_backend_disk), add, take_out, kata_qemu__place };
