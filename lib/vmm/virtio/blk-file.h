/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-file: the file or block device behind a disk: is it fit, how large, and is it ours alone. */
#ifndef KATA_VMM_VIRTIO_BLK_FILE_H
#define KATA_VMM_VIRTIO_BLK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <kata/error.h>

struct vmm_blk_file {
  int fd; /* a dup */
  bool device;
  bool punch;       /* a file system, or a device, that can give blocks back */
  uint64_t sectors; /* of 512 bytes; fixed from here on */
  uint32_t block;   /* logical block size */
  uint32_t granule; /* sectors that are given back together */
};

/**
 * Takes a dup of @fd and a lock on it, which other open descriptions of the file collide with: exclusive, or shared when @readonly.
 * KATA_E_BUSY: another VM has it. KATA_E_INVALID: not a file or block device, opened wrongly, or empty.
 */
int vmm_blk_file__open (struct vmm_blk_file *file, int fd, bool readonly, kata_error **err);
void vmm_blk_file__close (struct vmm_blk_file *file);

#endif
