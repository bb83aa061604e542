/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-engine: does a disk's input and output without waiting: by io_uring (blk-uring.c) or by threads (blk-threads.c). It knows no virtio. */
#ifndef KATA_VMM_VIRTIO_BLK_ENGINE_H
#define KATA_VMM_VIRTIO_BLK_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/device.h"

#define VMM_DISK_THREADS_MAX 4

enum vmm_disk_op {
  VMM_DISK_READ,
  VMM_DISK_WRITE,
  VMM_DISK_FLUSH,
  VMM_DISK_PUNCH, /* the blocks are given back; a file reads as zero there, a device as it likes */
  VMM_DISK_ZERO,
};

/** One operation, one system call: it can end short. It and what it points to stay put from submit to reap. */
struct vmm_disk_io {
  enum vmm_disk_op op;
  bool durable; /* a write that is on the disk when it ends */
  uint64_t offset, len;
  struct iovec *iov; /* READ, WRITE */
  unsigned n_iov;
  int64_t result;           /* once reaped: bytes, 0, or a negative errno */
  struct vmm_disk_io *next; /* the engine's while in flight */
};

struct vmm_disk_config {
  int fd;         /* stays the caller's, open until the disk is closed */
  bool device;    /* a block device */
  unsigned depth; /* operations in flight at most */
  bool use_threads;
  unsigned n_threads;        /* 1 to VMM_DISK_THREADS_MAX */
  const struct vmm_env *env; /* (nullable) for the threads' confinement */
};

struct vmm_disk;

struct vmm_disk_ops {
  void (*submit) (struct vmm_disk *disk, struct vmm_disk_io *io);
  void (*commit) (struct vmm_disk *disk);
  struct vmm_disk_io *(*reap) (struct vmm_disk *disk);
  void (*cancel) (struct vmm_disk *disk);
  void (*wait) (struct vmm_disk *disk); /* all is committed */
  void (*close) (struct vmm_disk *disk);
};

struct vmm_disk {
  const struct vmm_disk_ops *ops;
  int event_fd; /* readable when something can be reaped; not blocking */
  unsigned in_flight;
};

/* All verbs: one caller at a time (the device lock). None waits but wait and close. */

/** io_uring, and threads where it is not to be had or @config says so. All threads and rings are made here: later ones open nothing. */
int vmm_disk__open (struct vmm_disk **out, const struct vmm_disk_config *config, kata_error **err);
/** Nothing is in flight any more. NULL-safe. */
void vmm_disk__close (struct vmm_disk *disk);

void vmm_disk__submit (struct vmm_disk *disk, struct vmm_disk_io *io);
/** Start what was submitted: one system call for all of it. */
void vmm_disk__commit (struct vmm_disk *disk);
/** One that ended, or NULL. Before the first of a series: vmm_disk__clear(). */
struct vmm_disk_io *vmm_disk__reap (struct vmm_disk *disk);
/** Take back the event; and set it, when there is more to reap than is done now. */
void vmm_disk__clear (struct vmm_disk *disk);
void vmm_disk__again (struct vmm_disk *disk);
/** What has not begun ends with -ECANCELED. */
void vmm_disk__cancel (struct vmm_disk *disk);
/** Sleep until something can be reaped; only while something is in flight. Needs no system call that a vCPU's thread may not make. */
void vmm_disk__wait (struct vmm_disk *disk);

/* ---- between the engines ---- */
/** @event_fd: -1 = make one (the engine's own then). */
int
vmm_disk__open_threads (struct vmm_disk **out, const struct vmm_disk_config *config, int event_fd, kata_error **err);
/** KATA_E_UNSUPPORTED when the host has no io_uring for us. */
int vmm_disk__open_uring (struct vmm_disk **out, const struct vmm_disk_config *config, kata_error **err);

#endif
