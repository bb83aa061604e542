/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest: acts on the machine; metrics are in metrics.c. */
#include "guest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"

#define ONLINE_TRIES    100
#define ONLINE_PAUSE_MS 50
#define RESEED_MAX      65536

/* Writes "1" to <directory>/<prefix>N/online where it is 0, at most @limit times. Returns how many are online. */
static unsigned
online_all (const char *directory, const char *prefix, unsigned limit)
{
  DIR *dir = opendir (directory);
  struct dirent *entry;
  char path[384];
  unsigned online = 0, pass2 = 0;
  for (int pass = 0; dir && pass < 2; pass++, rewinddir (dir))
    while ((entry = readdir (dir))) {
      if (!text_starts (entry->d_name, prefix) || !isdigit ((unsigned char) entry->d_name[strlen (prefix)]))
        continue;
      snprintf (path, sizeof path, "%s/%s/online", directory, entry->d_name);
      /* The boot processor may have no such file: it is always on. */
      int on = file_read_number (path, 1) != 0;
      if (pass == 0)
        online += on;
      else if (!on && online + pass2 < limit && file_write (path, "1") == 0)
        pass2++;
    }
  if (dir)
    closedir (dir);
  return online + pass2;
}

int
guest_online (uint32_t cpus, int cpu_only, struct fault *fault)
{
  struct timespec pause = { .tv_nsec = ONLINE_PAUSE_MS * 1000000 };
  for (int i = 0; cpus > 0; i++) {
    unsigned online = online_all ("/sys/devices/system/cpu", "cpu", cpus);
    if (online >= cpus)
      break;
    if (i == ONLINE_TRIES)
      return fault_set (fault, TTRPC_INTERNAL, "%u processors online after %d s, %u wanted", online,
                        ONLINE_TRIES * ONLINE_PAUSE_MS / 1000, cpus);
    nanosleep (&pause, NULL);
  }
  if (!cpu_only)
    online_all ("/sys/devices/system/memory", "memory", UINT32_MAX);
  return 0;
}

int
guest_reseed (const void *data, size_t len, struct fault *fault)
{
  if (len == 0 || len > RESEED_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "random data: 1 to %d bytes are taken", RESEED_MAX);
  auto_fd int fd = open ("/dev/random", O_RDWR | O_CLOEXEC);
  int bits = (int) len * 8;
  if (fd < 0 || file_write_all (fd, data, len) < 0 || ioctl (fd, RNDADDTOENTCNT, &bits) < 0 ||
      ioctl (fd, RNDRESEEDCRNG, 0) < 0)
    return fault_errno (fault, "/dev/random");
  return 0;
}

int
guest_set_time (int64_t seconds, int64_t microseconds, struct fault *fault)
{
  struct timeval now = { .tv_sec = seconds, .tv_usec = microseconds };
  if (seconds < 0 || microseconds < 0 || microseconds > 999999)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "date and time are out of range");
  if (settimeofday (&now, NULL) < 0)
    return fault_errno (fault, "cannot set the clock");
  return 0;
}

uint64_t
guest_memory_block (void)
{
  char text[64];
  if (file_read ("/sys/devices/system/memory/block_size_bytes", text, sizeof text) <= 0)
    return 0;
  return strtoull (text, NULL, 16);
}
