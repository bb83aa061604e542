/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-file: reads of kernel and initrd; with pread: a mapping of a file that is cut meanwhile would kill us. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raise.h"
#include "vmm/boot-image.h"

int
vmm_boot_file__open (struct vmm_boot_file *file, int fd, const char *key, kata_error **err)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    return kata_error__errno (err, KATA_E_GUEST, key, errno, "%s: cannot be looked at", key);
  if (!S_ISREG (st.st_mode))
    return kata_error__set (err, KATA_E_GUEST, key, "%s: not a regular file", key);
  if (st.st_size <= 0)
    return kata_error__set (err, KATA_E_GUEST, key, "%s: the file is empty", key);
  *file = (struct vmm_boot_file){ .fd = fd, .size = (uint64_t) st.st_size, .key = key };
  return 0;
}

/* What a read returned that gave nothing. */
static int
failed (const struct vmm_boot_file *file, int64_t n, kata_error **err)
{
  if (n < 0)
    return kata_error__errno (err, KATA_E_GUEST, file->key, errno, "%s: cannot be read", file->key);
  return kata_error__set (err, KATA_E_GUEST, file->key, "%s: the file became shorter while it was read", file->key);
}

/* @offset + @len was checked against the size. */
static int
read_all (const struct vmm_boot_file *file, uint64_t offset, void *to, size_t len, kata_error **err)
{
  uint8_t *at = to;

  while (len > 0) {
    ssize_t n = pread (file->fd, at, len, (off_t) offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return failed (file, n, err);
    at += n;
    len -= (size_t) n;
    offset += (uint64_t) n;
  }
  return 0;
}

static int
check_range (const struct vmm_boot_file *file, uint64_t offset, uint64_t len, kata_error **err)
{
  uint64_t end;

  if (__builtin_add_overflow (offset, len, &end) || end > file->size)
    return kata_error__set (err, KATA_E_GUEST, file->key,
                            "%s: truncated: %llu bytes at %llu are wanted of a file of %llu bytes", file->key,
                            (unsigned long long) len, (unsigned long long) offset, (unsigned long long) file->size);
  return 0;
}

int
vmm_boot_file__read (const struct vmm_boot_file *file, uint64_t offset, void *to, size_t len, kata_error **err)
{
  int result = check_range (file, offset, len, err);
  return result < 0 ? result : read_all (file, offset, to, len, err);
}

int
vmm_boot_file__read_ram (const struct vmm_boot_file *file, uint64_t offset, const struct vmm_memory *memory,
                         vmm_gpa gpa, uint64_t len, kata_error **err)
{
  int result = check_range (file, offset, len, err);

  while (result == 0 && len > 0) {
    int64_t n = vmm_memory__load (memory, gpa, len, file->fd, offset);
    if (n > 0) {
      gpa += (uint64_t) n;
      offset += (uint64_t) n;
      len -= (uint64_t) n;
    } else if (n == 0 || errno != EINTR)
      result = failed (file, n, err);
  }
  return result;
}
