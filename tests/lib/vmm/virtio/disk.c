/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: a virtio disk over a memfd and a driver for it, for the tests of virtio-blk. */
#include "disk.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raise.h"

int
reopen (int fd, int flags)
{
  char path[64];
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open (path, flags | O_CLOEXEC);
  ck_assert_int_ge (again, 0);
  return again;
}

int
make_image (void)
{
  int fd = memfd_create ("image", MFD_CLOEXEC);
  ck_assert_int_eq (ftruncate (fd, SIZE), 0);
  return fd;
}

void
disk_open (struct disk *disk, struct vmm_blk_config config, uint64_t features)
{
  kata_auto_error kata_error *error = NULL;
  driver_open (&disk->driver, 64 * MIB);
  disk->fd = config.fd;
  int rc = driver_device (&disk->driver, &vmm_virtio_blk_ops, &config, &error);
  ck_assert_msg (rc == 0, "%s", kata_error_get_message (error));
  disk->header = driver_alloc (&disk->driver, 16, 16);
  disk->data = driver_alloc (&disk->driver, ROOM, 4096);
  disk->status = driver_alloc (&disk->driver, 1, 1);
  driver_start (&disk->driver, features);
}

void
disk_make (struct disk *disk, bool threads)
{
  disk_open (disk, (struct vmm_blk_config){ .fd = make_image (), .id = "serial-1", .queues = 1, .threads = threads },
             ALL & ~VMM_VIRTIO_F_ACCESS_PLATFORM);
}

void
disk_free (struct disk *disk)
{
  driver_close (&disk->driver);
  close (disk->fd);
}

uint8_t
ask (struct disk *disk, uint32_t type, uint64_t sector, uint32_t len, bool in)
{
  struct header header = { .type = type, .sector = sector };
  uint8_t status = NONE;
  driver_set (&disk->driver, disk->header, &header, sizeof header);
  driver_set (&disk->driver, disk->status, &status, 1);
  struct driver_buffer buffers[3] = { { disk->header, 16, false } };
  unsigned n = 1;
  if (len > 0)
    buffers[n++] = (struct driver_buffer){ disk->data, len, in };
  buffers[n++] = (struct driver_buffer){ disk->status, 1, true };
  uint32_t written = driver_request (&disk->driver, 0, buffers, n);
  driver_get (&disk->driver, disk->status, &status, 1);
  ck_assert_uint_eq (written, status == OK && in ? len + 1 : 1);
  return status;
}

uint8_t
ask_range (struct disk *disk, uint32_t type, struct range range, uint32_t len)
{
  driver_set (&disk->driver, disk->data, &range, sizeof range);
  return ask (disk, type, 0, len, false);
}

uint64_t
image_hash (int fd)
{
  static uint8_t bytes[SIZE];
  uint64_t hash = UINT64_C (14695981039346656037);
  struct stat st;
  ck_assert_int_eq (fstat (fd, &st), 0);
  ck_assert_int_eq (pread (fd, bytes, SIZE, 0), st.st_size);
  for (int64_t i = 0; i < st.st_size; i++)
    hash = (hash ^ bytes[i]) * UINT64_C (1099511628211);
  return hash;
}
