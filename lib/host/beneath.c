/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* beneath: openat2 and the whole-file reads and writes built on it. */
#include "host/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"

#define RETRIES 8

int
kata_beneath__open (int dirfd, const char *path, int flags, mode_t mode, bool same_mount)
{
  struct open_how how = {
    .flags = (uint64_t) (unsigned) flags | O_CLOEXEC,
    .mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (same_mount ? RESOLVE_NO_XDEV : 0),
  };
  /* EAGAIN: something was renamed on the path meanwhile and the kernel cannot tell whether it stayed beneath. */
  for (int i = 0;; i++) {
    long fd = syscall (SYS_openat2, dirfd, path, &how, sizeof how);
    if (fd >= 0)
      return (int) fd;
    if (errno != EINTR && (errno != EAGAIN || i >= RETRIES))
      return -errno;
  }
}

int
kata_beneath__parent (int dirfd, const char *path, const char **name)
{
  const char *slash = strrchr (path, '/');
  if (slash == NULL) {
    *name = path;
    return kata_beneath__open (dirfd, ".", O_PATH | O_DIRECTORY, 0, false);
  }
  g_autofree char *parent = g_strndup (path, (gsize) (slash - path));
  *name = slash + 1;
  return kata_beneath__open (dirfd, parent, O_PATH | O_DIRECTORY, 0, false);
}

static int
read_all (int fd, char *buffer, size_t size, size_t *length)
{
  *length = 0;
  while (*length < size) {
    ssize_t n = read (fd, buffer + *length, size - *length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -errno;
    if (n == 0)
      break;
    *length += (size_t) n;
  }
  return 0;
}

int
kata_beneath__read (int dirfd, const char *path, size_t limit, char **text, size_t *length)
{
  /* O_NONBLOCK: a fifo put in the file's place must not make us wait. */
  kata_auto_fd int fd = kata_beneath__open (dirfd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, false);
  if (fd < 0)
    return fd == -ENXIO ? -EINVAL : fd; /* a socket */
  struct stat st;
  if (fstat (fd, &st) != 0)
    return -errno;
  if (!S_ISREG (st.st_mode))
    return -EINVAL;
  if (st.st_size < 0 || (uint64_t) st.st_size > limit)
    return -EFBIG;
  size_t size = (size_t) st.st_size;
  g_autofree char *buffer = g_try_malloc (size + 1);
  if (buffer == NULL)
    return -ENOMEM;
  int r = read_all (fd, buffer, size, length);
  if (r != 0)
    return r;
  buffer[*length] = '\0';
  *text = g_steal_pointer (&buffer);
  return 0;
}

static int
write_all (int fd, const char *text, size_t length)
{
  while (length > 0) {
    ssize_t n = write (fd, text, length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -errno;
    text += n;
    length -= (size_t) n;
  }
  return 0;
}

int
kata_beneath__replace (int dirfd, const char *name, const char *text, size_t length)
{
  g_autofree char *temporary = g_strdup_printf ("%s.tmp", name);
  /* A crash may have left one; only the holder of the directory's lock comes here, so it is nobody's. */
  if (unlinkat (dirfd, temporary, 0) != 0 && errno != ENOENT)
    return -errno;
  kata_auto_fd int fd = kata_beneath__open (dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, true);
  if (fd < 0)
    return fd;
  int r = write_all (fd, text, length);
  if (r == 0 && fdatasync (fd) != 0)
    r = -errno;
  if (r == 0 && renameat (dirfd, temporary, dirfd, name) != 0)
    r = -errno;
  if (r != 0)
    unlinkat (dirfd, temporary, 0);
  return r;
}
