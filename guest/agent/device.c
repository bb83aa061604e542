/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device: walks sysfs from the PCI root down to a block device; makes no node, devtmpfs does. */
#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"
#include "modules.h"
#include "serials.h"

#define PAUSE_MS       20
#define DEPTH_MAX      8
#define DISK_BY_SERIAL "/dev/disk/by-kata/"

static struct serials serials = SERIALS_INIT ("/sys/block");

/* The first entry of @directory that starts with @prefix and ends with @suffix. */
static int
find_entry (const char *directory, const char *prefix, const char *suffix, char *out, size_t size)
{
  DIR *dir = opendir (directory);
  struct dirent *entry;
  int found = 0;
  while (dir && !found && (entry = readdir (dir))) {
    size_t len = strlen (entry->d_name), tail = strlen (suffix);
    found = entry->d_name[0] != '.' && text_starts (entry->d_name, prefix) && len >= tail &&
            text_is (entry->d_name + len - tail, suffix) && snprintf (out, size, "%s", entry->d_name) < (int) size;
  }
  if (dir)
    closedir (dir);
  return found;
}

static int
parse_slot (const char **at, unsigned *slot, unsigned *function)
{
  char *end;
  *slot = (unsigned) strtoul (*at, &end, 16);
  *function = 0;
  if (end == *at || end - *at > 2 || **at == '-' || **at == '+' || *slot > 0x1f)
    return -1;
  if (*end == '.') {
    *function = (unsigned) (end[1] - '0');
    if (*function > 7)
      return -1;
    end += 2;
  }
  if (*end && *end != '/')
    return -1;
  *at = *end ? end + 1 : end;
  return 0;
}

/* 1 found, 0 not yet, -1 malformed. */
static int
find_by_pci (const char *path, char *node, size_t size)
{
  char directory[512] = "/sys/devices/pci0000:00", name[128], suffix[16];
  int depth = 0;
  for (const char *at = path; *at; depth++) {
    unsigned slot, function;
    size_t used = strlen (directory);
    if (depth == DEPTH_MAX || parse_slot (&at, &slot, &function) < 0)
      return -1;
    snprintf (suffix, sizeof suffix, ":%02x.%u", slot, function);
    if (!find_entry (directory, "0000:", suffix, name, sizeof name))
      return 0;
    snprintf (directory + used, sizeof directory - used, "/%s", name);
  }
  if (depth == 0)
    return -1;
  size_t used = strlen (directory);
  if (!find_entry (directory, "virtio", "", name, sizeof name))
    return 0;
  snprintf (directory + used, sizeof directory - used, "/%s/block", name);
  if (!find_entry (directory, "", "", name, sizeof name))
    return 0;
  serials_placed (&serials, name);
  return snprintf (node, size, "/dev/%s", name) < (int) size;
}

/* "/dev/disk/by-kata/<id>": no such node is made, the disk's serial number is <id>. */
static int
find_by_serial (unsigned round, const char *id, char *node, size_t size)
{
  char name[64];
  return serials_find (&serials, round, id, PAUSE_MS, name, sizeof name) &&
         snprintf (node, size, "/dev/%s", name) < (int) size;
}

static int
find_now (unsigned round, const char *source, char *node, size_t size)
{
  struct stat st;
  int found = 1;
  if (text_starts (source, DISK_BY_SERIAL))
    found = find_by_serial (round, source + strlen (DISK_BY_SERIAL), node, size);
  else if (text_starts (source, "/dev/"))
    snprintf (node, size, "%s", source);
  else
    found = find_by_pci (source, node, size);
  if (found == 1 && (lstat (node, &st) < 0 || !S_ISBLK (st.st_mode)))
    found = 0;
  return found;
}

/* Some machines have a virtio disk in each place from the start, without a size: one has come when the kernel has seen that it has a size. */
static int
is_empty (const char *node)
{
  char path[160], size[24];
  return text_starts (node, "/dev/vd") &&
         snprintf (path, sizeof path, "/sys/class/block/%s/size", node + strlen ("/dev/")) < (int) sizeof path &&
         file_read (path, size, sizeof size) >= 0 && size[0] == '0';
}

int
device_find_block (const struct log *log, const char *source, unsigned timeout_s, char *node, size_t size,
                   struct fault *fault)
{
  struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
  unsigned round = serials_begin (&serials);
  if (strlen (source) >= size || strstr (source, ".."))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "block device \"%.100s\": not a PCI path or /dev node", source);
  for (unsigned tries = 0; tries <= timeout_s * 1000 / PAUSE_MS; tries++) {
    int found = find_now (round, source, node, size);
    if (found == 1 && !is_empty (node))
      return 0;
    if (found < 0)
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "block device \"%.100s\": not a PCI path or /dev node", source);
    nanosleep (&pause, NULL);
  }
  return fault_set (fault, TTRPC_NOT_FOUND,
                    "block device \"%.100s\" has not appeared, or is empty, after %u s (agent.hotplug_timeout)", source,
                    timeout_s);
}
