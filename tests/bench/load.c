/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load: work for a guest's devices and how long it took: a disk or the serial port. Static, against musl; it checks no data. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define PAGE  4096

static int64_t
now_us (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
whole (int fd, char *bytes, int write_it, uint64_t total)
{
  for (uint64_t done = 0; done < total; done += CHUNK)
    if ((write_it ? write (fd, bytes, CHUNK) : read (fd, bytes, CHUNK)) != CHUNK)
      return -1;
  return write_it ? fsync (fd) : 0;
}

/* @total single pages anywhere in a disk of @size bytes. */
static int
single (int fd, char *bytes, uint64_t total, uint64_t size)
{
  uint64_t x = 88172645463325252u;

  for (uint64_t i = 0; i < total; i++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    if (pread (fd, bytes, PAGE, (off_t) (x % (size / PAGE) * PAGE)) != PAGE)
      return -1;
  }
  return 0;
}

static int
serial (int fd, char *bytes, uint64_t total)
{
  for (uint64_t done = 0; done < total;) {
    ssize_t n = write (fd, bytes, total - done < PAGE ? total - done : PAGE);
    if (n <= 0)
      return -1;
    done += (uint64_t) n;
  }
  return tcdrain (fd);
}

/* load read|write|random|serial PATH COUNT: MiB, for `random` pages, for `serial` bytes. Answers "COUNT MICROSECONDS". */
int
main (int argc, char **argv)
{
  if (argc != 4)
    return 2;
  const char *what = argv[1];
  uint64_t count = strtoull (argv[3], NULL, 0);
  int is_serial = strcmp (what, "serial") == 0;
  int fd = open (argv[2], O_RDWR | O_CLOEXEC | O_NOCTTY | (is_serial ? 0 : O_DIRECT));
  char *bytes = aligned_alloc (PAGE, CHUNK);
  if (fd < 0 || bytes == NULL) {
    printf ("%s: %s\n", argv[2], strerror (errno));
    return 1;
  }
  memset (bytes, 'x', CHUNK);
  off_t size = is_serial ? 0 : lseek (fd, 0, SEEK_END);
  lseek (fd, 0, SEEK_SET);
  int64_t begun = now_us ();
  int bad = is_serial                      ? serial (fd, bytes, count)
            : strcmp (what, "random") == 0 ? single (fd, bytes, count, (uint64_t) size)
                                           : whole (fd, bytes, strcmp (what, "write") == 0, count << 20);
  if (bad)
    printf ("%s: %s\n", what, strerror (errno));
  else
    printf ("%llu %lld\n", (unsigned long long) count, (long long) (now_us () - begun));
  return bad ? 1 : 0;
}
