/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: what is alike for all disks of a machine; for the files of the QEMU adapter. */
#ifndef KATA_BACKEND_QEMU_DISK_H
#define KATA_BACKEND_QEMU_DISK_H

#include <kata/sys/backend.h>

/** Of the plan, kept for disks that come later. */
typedef struct kata_qemu_disks {
  int32_t aio, direct, no_flush, io_threads, platform;
  uint32_t queues, queue_size, logical_size, physical_size;
} kata_qemu_disks;
kata_qemu_disks kata_qemu__disks (const kata_vm_plan *plan);

/** "threads", "native", "io_uring". */
const char *kata_qemu__aio (int32_t aio, int32_t direct);
/** The driver that reads the file. */
const char *kata_qemu__file_driver (const char *path);

/** The arguments of blockdev-add and device_add for a disk that comes later, JSON texts; pure. g_free(). KATA_E_INVALID. */
int kata_qemu__disk_arguments (char **node, char **device, const kata_vm_disk *disk, const kata_qemu_disks *disks,
                               kata_error **err);

#endif
