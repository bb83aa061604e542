/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serials: disks by their serial numbers. To read one may be to ask the disk, and one whose server has died answers never. */
#include "serials.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "file.h"
#include "mem.h"
#include "thread.h"

struct job {
  struct serials *serials;
  ino_t directory;
  char name[32];
};

/* A virtio disk says it in a file of its own; a SCSI disk in page 0x80 of its vital product data: four bytes, then the number. */
static int
read_serial (const char *root, const char *disk, char *serial, size_t size)
{
  char path[300], page[4 + 64] = "";
  if (snprintf (path, sizeof path, "%s/%s/serial", root, disk) < (int) sizeof path &&
      file_read (path, serial, size) >= 0) {
    serial[strcspn (serial, "\n")] = 0;
    return 1;
  }
  if (snprintf (path, sizeof path, "%s/%s/device/vpd_pg80", root, disk) >= (int) sizeof path)
    return 0;
  auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd >= 0 ? read (fd, page, sizeof page - 1) : -1;
  if (got <= 4 || page[1] != (char) 0x80)
    return 0;
  size_t len = (unsigned char) page[3];
  if (len > (size_t) got - 4)
    len = (size_t) got - 4;
  return snprintf (serial, size, "%.*s", (int) len, page + 4) < (int) size;
}

static struct serials_disk *
by_directory (struct serials *serials, ino_t directory)
{
  for (size_t i = 0; i < SERIALS_MAX; i++)
    if (serials->disks[i].directory == directory)
      return &serials->disks[i];
  return NULL;
}

static void *
run (void *data)
{
  auto_free struct job *job = data;
  char serial[sizeof ((struct serials_disk *) 0)->serial] = "";
  int good = read_serial (job->serials->root, job->name, serial, sizeof serial);
  pthread_mutex_lock (&job->serials->lock);
  struct serials_disk *disk = by_directory (job->serials, job->directory); /* stays as long as it is being read */
  if (disk) {
    memcpy (disk->serial, good ? serial : "", good ? sizeof serial : 1);
    disk->reading = 0;
  }
  pthread_cond_broadcast (&job->serials->read);
  pthread_mutex_unlock (&job->serials->lock);
  return NULL;
}

static int
directory_of (const struct serials *serials, const char *name, ino_t *out)
{
  char path[300];
  struct stat st;
  if (snprintf (path, sizeof path, "%s/%s", serials->root, name) >= (int) sizeof path || stat (path, &st) < 0)
    return 0;
  *out = st.st_ino;
  return st.st_ino != 0;
}

/* Its entry, or a new one in place of a disk that has gone; NULL: all are taken. */
static struct serials_disk *
entry_of (struct serials *serials, const char *name)
{
  ino_t directory, there;
  if (strlen (name) >= sizeof serials->disks[0].name || !directory_of (serials, name, &directory))
    return NULL;
  struct serials_disk *disk = by_directory (serials, directory);
  for (size_t i = 0; !disk && i < SERIALS_MAX; i++) {
    struct serials_disk *old = &serials->disks[i];
    if (old->directory && (old->reading || (directory_of (serials, old->name, &there) && there == old->directory)))
      continue;
    *old = (struct serials_disk){ .directory = directory };
    snprintf (old->name, sizeof old->name, "%s", name);
    disk = old;
  }
  return disk;
}

/* Neither one without a size, which is a place that is empty, nor one that has no number. */
static int
may_have (const struct serials *serials, const char *name)
{
  char path[300], size[24];
  if (snprintf (path, sizeof path, "%s/%s/size", serials->root, name) >= (int) sizeof path ||
      file_read (path, size, sizeof size) < 0 || size[0] == '0')
    return 0;
  snprintf (path, sizeof path, "%s/%s/serial", serials->root, name);
  if (access (path, F_OK) == 0)
    return 1;
  snprintf (path, sizeof path, "%s/%s/device/vpd_pg80", serials->root, name);
  return access (path, F_OK) == 0;
}

static void
start (struct serials *serials, struct serials_disk *disk, unsigned round)
{
  struct job *job = mem_zero (sizeof *job);
  *job = (struct job){ .serials = serials, .directory = disk->directory };
  memcpy (job->name, disk->name, sizeof job->name);
  disk->reading = 1;
  disk->round = round;
  disk->serial[0] = 0;
  if (thread_start (run, job) < 0) {
    disk->reading = 0;
    disk->round = round - 1;
    free (job);
  }
}

static void
start_all (struct serials *serials, unsigned round)
{
  DIR *dir = opendir (serials->root);
  struct dirent *entry;
  while (dir && (entry = readdir (dir))) {
    struct serials_disk *disk =
        entry->d_name[0] != '.' && may_have (serials, entry->d_name) ? entry_of (serials, entry->d_name) : NULL;
    if (disk && !disk->placed && !disk->reading && (int) (round - disk->round) > 0)
      start (serials, disk, round);
  }
  if (dir)
    closedir (dir);
}

/* *pending: some are still being read, for this search or an earlier one, which then have to be read again. */
static struct serials_disk *
match (struct serials *serials, unsigned round, const char *id, int *pending)
{
  ino_t there;
  *pending = 0;
  for (size_t i = 0; i < SERIALS_MAX; i++) {
    struct serials_disk *disk = &serials->disks[i];
    *pending |= disk->reading;
    if (disk->directory && !disk->reading && !disk->placed && (int) (disk->round - round) >= 0 &&
        text_is (disk->serial, id) && directory_of (serials, disk->name, &there) && there == disk->directory)
      return disk;
  }
  return NULL;
}

unsigned
serials_begin (struct serials *serials)
{
  pthread_mutex_lock (&serials->lock);
  unsigned round = ++serials->round;
  pthread_mutex_unlock (&serials->lock);
  return round;
}

int
serials_find (struct serials *serials, unsigned round, const char *id, unsigned wait_ms, char *name, size_t size)
{
  struct timespec until;
  int pending = 0, late = 0;
  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_nsec += (long) wait_ms * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock (&serials->lock);
  start_all (serials, round);
  struct serials_disk *disk = match (serials, round, id, &pending);
  while (!disk && pending && !late) {
    late = pthread_cond_timedwait (&serials->read, &serials->lock, &until) != 0;
    start_all (serials, round);
    disk = match (serials, round, id, &pending);
  }
  int found = disk && snprintf (name, size, "%s", disk->name) < (int) size;
  pthread_mutex_unlock (&serials->lock);
  return found;
}

void
serials_placed (struct serials *serials, const char *name)
{
  pthread_mutex_lock (&serials->lock);
  struct serials_disk *disk = entry_of (serials, name);
  if (disk)
    disk->placed = 1;
  pthread_mutex_unlock (&serials->lock);
}
