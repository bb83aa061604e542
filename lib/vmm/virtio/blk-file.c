/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-file: the file or block device behind a disk; checks, measures and locks it, and does no input or output. */
#include "vmm/virtio/blk-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#define SECTOR    512
#define GRANULE   4096
#define BLOCK_MAX 65536

static int
file_check_flags (int fd, bool readonly, kata_error **err)
{
  int flags = fcntl (fd, F_GETFL);

  if (flags < 0)
    return kata_error__errno (err, KATA_E_INVALID, NULL, errno, "disk: descriptor %d", fd);
  if ((flags & O_ACCMODE) != (readonly ? O_RDONLY : O_RDWR))
    return kata_error__set (err, KATA_E_INVALID, NULL, "disk: descriptor %d must be opened %s", fd,
                            readonly ? "for reading only, as the disk is read-only" : "for reading and writing");
  if ((flags & (O_APPEND | O_DIRECT | O_PATH)) != 0)
    return kata_error__set (err, KATA_E_INVALID, NULL,
                            "disk: descriptor %d is opened with O_APPEND, O_DIRECT or O_PATH", fd);
  return 0;
}

static int
file_lock (int fd, bool readonly, kata_error **err)
{
  /* By open file description: our threads share it, it dies with us, and closing another descriptor of the file does not drop it. */
  struct flock lock = { .l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

  if (fcntl (fd, F_OFD_SETLK, &lock) == 0)
    return 0;
  if (errno == EAGAIN || errno == EACCES)
    return kata_error__set (err, KATA_E_BUSY, NULL, "disk: another virtual machine %s this image",
                            readonly ? "writes to" : "uses");
  return kata_error__errno (err, KATA_E_IO, NULL, errno, "disk: cannot lock the image");
}

/* A hole punched behind the end changes nothing, and tells whether the file system knows how. */
static bool
file_can_punch (int fd, uint64_t size)
{
  uint64_t end = (size + GRANULE - 1) / GRANULE * GRANULE;
  return fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) end, GRANULE) == 0;
}

static int
file_measure (struct vmm_blk_file *file, bool readonly, kata_error **err)
{
  struct stat st;
  uint64_t size = 0;
  int block = SECTOR;

  if (fstat (file->fd, &st) != 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "disk: fstat");
  if (S_ISBLK (st.st_mode)) {
    file->device = true;
    file->punch = true; /* a device that cannot says so when asked, and a discard is only a hint */
    if (ioctl (file->fd, BLKGETSIZE64, &size) != 0 || ioctl (file->fd, BLKSSZGET, &block) != 0)
      return kata_error__errno (err, KATA_E_IO, NULL, errno, "disk: size of the block device");
  } else if (S_ISREG (st.st_mode)) {
    size = (uint64_t) st.st_size;
    file->punch = !readonly && file_can_punch (file->fd, size);
  } else {
    return kata_error__set (err, KATA_E_INVALID, NULL, "disk: neither a regular file nor a block device");
  }
  if (size < SECTOR)
    return kata_error__set (err, KATA_E_INVALID, NULL, "disk: the image is empty (%llu bytes)",
                            (unsigned long long) size);
  if (block < SECTOR || block > BLOCK_MAX)
    return kata_error__set (err, KATA_E_HOST, NULL, "disk: a block size of %d bytes", block);
  file->sectors = size / SECTOR;
  file->block = (uint32_t) block;
  file->granule = (file->device ? file->block : GRANULE) / SECTOR;
  return 0;
}

int
vmm_blk_file__open (struct vmm_blk_file *file, int fd, bool readonly, kata_error **err)
{
  memset (file, 0, sizeof *file);
  file->fd = -1;
  int rc = file_check_flags (fd, readonly, err);
  if (rc != 0)
    return rc;
  file->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  if (file->fd < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "disk: dup of descriptor %d", fd);
  rc = file_measure (file, readonly, err);
  if (rc == 0)
    rc = file_lock (file->fd, readonly, err);
  if (rc != 0)
    kata_fd__closep (&file->fd);
  return rc;
}

void
vmm_blk_file__close (struct vmm_blk_file *file)
{
  /* Said aloud: the caller's descriptor shares our open file description, and would keep the lock. */
  struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

  if (file->fd >= 0)
    fcntl (file->fd, F_OFD_SETLK, &lock);
  kata_fd__closep (&file->fd);
}
