/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: what is alike for all disks of a machine; for the files of the QEMU adapter. */
#ifndef KATA_BACKEND_QEMU_DISK_H
#define KATA_BACKEND_QEMU_DISK_H

#include <json-glib/json-glib.h>

#include <kata/sys/backend.h>

/** Of the plan, kept for disks that come later. */
typedef struct kata_qemu_disks {
  int32_t aio, direct, no_flush, io_threads, platform;
  uint32_t queues, queue_size, logical_size, physical_size, reconnect;
} kata_qemu_disks;
kata_qemu_disks kata_qemu__disks (const kata_vm_plan *plan);

/** "threads", "native", "io_uring". */
const char *kata_qemu__aio (int32_t aio, int32_t direct);
/** The driver that reads the file. */
const char *kata_qemu__file_driver (const char *path);

/** The arguments of blockdev-add (of chardev-add for one with a vhost-user server) and device_add for a disk that comes later, JSON texts; pure. g_free(). KATA_E_INVALID. */
int kata_qemu__disk_arguments (char **node, char **device, const kata_vm_disk *disk, const kata_qemu_disks *disks,
                               kata_error **err);

/** Where the device @device is, from the reply to query-pci: "03/00"; g_free(). Pure. KATA_E_PROTOCOL. place.c */
int kata_qemu__find_place (char **path, JsonNode *reply, const char *device, kata_error **err);
/** kata_backend_disk's verb. */
int kata_qemu__place (void *vm, const kata_vm_disk *disk, char **path, const kata_backend_env *env, kata_error **err);
/** "late3". g_free(). disk.c */
char *kata_qemu__disk_name (const kata_vm_disk *disk);

#endif
