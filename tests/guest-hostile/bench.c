/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench: makes files with a known content in a folder of its own, hands them to the machine, and compares them at the end. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char canary_text[] = "nobody writes here\n";

void
die (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  printf ("Bail out! ");
  vprintf (format, args);
  printf ("\n");
  va_end (args);
  exit (1);
}

long
bench_now_ms (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
bench_nap (long ms)
{
  nanosleep (&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* What the guest expects: kinds.c, disk_byte(). */
static uint8_t
disk_byte (size_t at)
{
  return (uint8_t) (at / 512 * 7 + 3);
}

static int
make_file (struct bench *bench, const char *name, size_t size)
{
  uint8_t *bytes = malloc (size);
  int fd = openat (bench->folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (bytes == NULL || fd < 0)
    die ("%s/%s: %s", bench->folder, name, strerror (errno));
  for (size_t i = 0; i < size; i++)
    bytes[i] = disk_byte (i);
  if (write (fd, bytes, size) != (ssize_t) size)
    die ("%s/%s: cannot write", bench->folder, name);
  free (bytes);
  return fd;
}

/* Nothing that was written counts from here on: the descriptor for the machine can only read. */
static int
make_readonly (struct bench *bench, const char *name, size_t size)
{
  close (make_file (bench, name, size));
  return openat (bench->folder_fd, name, O_RDONLY | O_CLOEXEC);
}

static int
make_listener (struct bench *bench)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  snprintf (address.sun_path, sizeof address.sun_path, "%s/vsock", bench->folder);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 1024) < 0)
    die ("%s: %s", address.sun_path, strerror (errno));
  return fd;
}

/* In a network namespace of our own, which main() has made; -1 = this host gives none. */
static int
make_tap (struct bench *bench)
{
  int fd = open ("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = { .ifr_flags = (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), .ifr_name = "hostile%d" };
  if (fd >= 0 && ioctl (fd, TUNSETIFF, &request) < 0) {
    close (fd);
    return -1;
  }
  if (fd < 0)
    return -1;
  memcpy (bench->tap_name, request.ifr_name, sizeof bench->tap_name);
  int control = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl (control, SIOCSIFFLAGS, &request) < 0)
    die ("%s: cannot be brought up: %s", request.ifr_name, strerror (errno));
  close (control);
  return fd;
}

/* A pipe that is full already and that nobody reads. */
static void
make_full_pipe (int ends[2])
{
  if (pipe2 (ends, O_NONBLOCK | O_CLOEXEC) < 0)
    die ("pipe: %s", strerror (errno));
  char block[4096] = { 0 };
  while (write (ends[1], block, sizeof block) > 0)
    continue;
}

void
bench_open (struct bench *bench)
{
  const char *parent = getenv ("TMPDIR");
  snprintf (bench->folder, sizeof bench->folder, "%s/hostile-XXXXXX", parent != NULL ? parent : "/tmp");
  if (mkdtemp (bench->folder) == NULL)
    die ("%s: %s", bench->folder, strerror (errno));
  bench->folder_fd = open (bench->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  bench->disks[0] = make_file (bench, "disk", BENCH_DISK);
  bench->disks[1] = make_readonly (bench, "disk-ro", BENCH_DISK);
  bench->pmem[0] = make_file (bench, "pmem", BENCH_PMEM);
  bench->pmem[1] = make_readonly (bench, "pmem-ro", BENCH_PMEM);
  int canary = openat (bench->folder_fd, "canary", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (write (canary, canary_text, sizeof canary_text) != sizeof canary_text)
    die ("cannot write the canary");
  close (canary);
  bench->listener = make_listener (bench);
  make_full_pipe (bench->console);
  bench->tap = make_tap (bench);
  fsd_start (&bench->fsd);
}

void
bench_describe (struct bench *bench, struct vmm_machine_config *config)
{
  config->n_disks = 2;
  config->disks[0] = (struct vmm_blk_config){ .fd = bench->disks[0], .queues = 1, .id = "hostile" };
  config->disks[1] = (struct vmm_blk_config){ .fd = bench->disks[1], .readonly = true, .queues = 1, .threads = true };
  config->n_pmem = 2;
  config->pmem[0] = (struct vmm_pmem_config){ .fd = bench->pmem[0] };
  config->pmem[1] = (struct vmm_pmem_config){ .fd = bench->pmem[1], .readonly = true };
  config->has_vsock = true;
  config->vsock = (struct vmm_vsock_config){ .cid = 3, .listen_fd = bench->listener };
  config->has_console = true;
  config->console = (struct vmm_console_config){ .out_fd = bench->console[1], .in_fd = -1 };
  config->rng = true;
  config->n_fs = 1;
  config->fs[0] = (struct vmm_fs_config){ .tag = "hostile", .socket_fd = bench->fsd.theirs, .queue_size = 64 };
  config->has_balloon = true;
  if (bench->tap >= 0) {
    config->n_nets = 1;
    config->nets[0] = (struct vmm_net_config){ .tap_fds = { bench->tap }, .pairs = 1, .mac = { 2, 0, 0, 0, 0, 1 } };
  }
}

void
bench_shrink (struct bench *bench, bool shrink)
{
  uint8_t block[4096];
  if (ftruncate (bench->disks[0], shrink ? BENCH_DISK / 4 : BENCH_DISK) < 0)
    die ("cannot change the disk's size");
  for (size_t at = BENCH_DISK / 4; !shrink && at < BENCH_DISK; at += sizeof block) {
    for (size_t i = 0; i < sizeof block; i++)
      block[i] = disk_byte (at + i);
    if (pwrite (bench->disks[0], block, sizeof block, (off_t) at) != sizeof block)
      die ("cannot write the disk");
  }
}

static bool
is_as_made (int fd, size_t size)
{
  uint8_t block[4096];
  for (size_t at = 0; at < size; at += sizeof block) {
    if (pread (fd, block, sizeof block, (off_t) at) != sizeof block)
      return false;
    for (size_t i = 0; i < sizeof block; i++)
      if (block[i] != disk_byte (at + i))
        return false;
  }
  return true;
}

static bool
canary_lives (const struct bench *bench)
{
  char text[sizeof canary_text + 1];
  int fd = openat (bench->folder_fd, "canary", O_RDONLY | O_CLOEXEC);
  bool good = fd >= 0 && read (fd, text, sizeof text) == sizeof canary_text &&
              memcmp (text, canary_text, sizeof canary_text) == 0;
  close (fd);
  return good;
}

const char *
bench_fault (struct bench *bench)
{
  if (!is_as_made (bench->disks[0], BENCH_SCRATCH) || lseek (bench->disks[0], 0, SEEK_END) != BENCH_DISK)
    return "the disk changed where nobody may write, or in size";
  if (!is_as_made (bench->disks[1], BENCH_DISK))
    return "the read-only disk changed";
  if (!is_as_made (bench->pmem[0], BENCH_PMEM / 2))
    return "the persistent memory changed where nobody wrote";
  if (!is_as_made (bench->pmem[1], BENCH_PMEM))
    return "the read-only persistent memory changed";
  return canary_lives (bench) ? "" : "a file beside them changed";
}

void
bench_close (struct bench *bench)
{
  fsd_end (&bench->fsd);
  static const char *const names[] = { "disk", "disk-ro", "pmem", "pmem-ro", "canary", "vsock" };
  const int fds[] = { bench->disks[0], bench->disks[1],   bench->pmem[0],    bench->pmem[1],
                      bench->listener, bench->console[0], bench->console[1], bench->tap };
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
    if (fds[i] >= 0)
      close (fds[i]);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    unlinkat (bench->folder_fd, names[i], 0);
  close (bench->folder_fd);
  rmdir (bench->folder);
}
