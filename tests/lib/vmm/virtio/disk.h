/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: a virtio disk over a memfd and a driver for it, for the tests of virtio-blk. */
#ifndef KATA_TEST_VMM_VIRTIO_DISK_H
#define KATA_TEST_VMM_VIRTIO_DISK_H

#include "driver.h"

#include "vmm/virtio/blk.h"

#define MIB     (UINT64_C (1) << 20)
#define SIZE    (8 * MIB)
#define SECTORS (SIZE / 512)
#define ROOM    (1u << 20) /* of the data buffer */
#define ENGINES 2          /* _i: 0 io_uring (where it is to be had), 1 threads */

#define F_RO           (UINT64_C (1) << 5)
#define F_FLUSH        (UINT64_C (1) << 9)
#define F_MQ           (UINT64_C (1) << 12)
#define F_DISCARD      (UINT64_C (1) << 13)
#define F_WRITE_ZEROES (UINT64_C (1) << 14)
#define ALL            (~UINT64_C (0))

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2, NONE = 0xee };

struct header {
  uint32_t type, reserved;
  uint64_t sector;
};
struct range {
  uint64_t sector;
  uint32_t sectors, flags;
};

struct disk {
  struct driver driver;
  int fd;
  vmm_gpa header, data, status;
};

int reopen (int fd, int flags); /* another open file description of the same file */
int make_image (void);          /* SIZE bytes of zeroes */
/** Over @config.fd, which disk_free() closes. */
void disk_open (struct disk *disk, struct vmm_blk_config config, uint64_t features);
void disk_make (struct disk *disk, bool threads); /* over a new image, with all features */
void disk_free (struct disk *disk);

/** One request with one data buffer (len 0: none), as an honest driver lays it out. Returns the status. */
uint8_t ask (struct disk *disk, uint32_t type, uint64_t sector, uint32_t len, bool in);
uint8_t ask_range (struct disk *disk, uint32_t type, struct range range, uint32_t len);
uint64_t image_hash (int fd);

#endif
