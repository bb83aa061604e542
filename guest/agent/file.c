/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file: whole-file helpers for small files; not for data of containers. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

int64_t
file_read (const char *path, char *buffer, size_t size)
{
  auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  size_t used = 0;
  if (fd < 0)
    return -1;
  while (used < size - 1) {
    ssize_t n = read (fd, buffer + used, size - 1 - used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    used += (size_t) n;
  }
  buffer[used] = 0;
  return (int64_t) used;
}

int
file_write (const char *path, const char *text)
{
  auto_fd int fd = open (path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  size_t len = strlen (text);
  if (fd < 0)
    return -1;
  return write (fd, text, len) == (ssize_t) len ? 0 : -1;
}

uint64_t
file_read_number (const char *path, uint64_t fallback)
{
  char text[64];
  char *end = NULL;
  if (file_read (path, text, sizeof text) <= 0)
    return fallback;
  errno = 0;
  unsigned long long value = strtoull (text, &end, 10);
  return errno || end == text ? fallback : value;
}

int
file_write_all (int fd, const void *data, size_t len)
{
  const char *at = data;
  while (len > 0) {
    ssize_t n = write (fd, at, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    at += n;
    len -= (size_t) n;
  }
  return 0;
}

int
file_create (const char *path, const void *data, size_t len)
{
  auto_fd int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd < 0 ? -1 : file_write_all (fd, data, len);
}
