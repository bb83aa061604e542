/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk: a disk over a raw file or block device (virtio 1.2, 5.2). */
#ifndef KATA_VMM_VIRTIO_BLK_H
#define KATA_VMM_VIRTIO_BLK_H

#include "vmm/virtio/limiter.h"
#include "vmm/virtio/virtio.h"

#define VMM_BLK_QUEUES_MAX     16
#define VMM_BLK_QUEUE_SIZE_MIN 4 /* a header, data, a status */
#define VMM_BLK_QUEUE_SIZE_MAX 256

struct vmm_blk_config {
  int fd; /* regular file or block device; opened read-only when @readonly; the device takes a dup and an OFD lock (busy: KATA_E_BUSY) */
  bool readonly;
  char id[21];         /* serial number */
  unsigned queues;     /* 1 to VMM_BLK_QUEUES_MAX */
  uint16_t queue_size; /* a power of two from VMM_BLK_QUEUE_SIZE_MIN to VMM_BLK_QUEUE_SIZE_MAX; 0 = the most */
  bool threads;        /* a pool of threads instead of io_uring; also what happens where io_uring is forbidden */
  struct vmm_limit limit;
};
extern const struct vmm_virtio_ops vmm_virtio_blk_ops;

#endif
