/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop: LOOP_CONFIGURE (Linux 5.8) sets all at once, so that a SIGKILL leaves no device either. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES   16 /* others look for a free one too */
#define LOOKS   5  /* one that was unmounted just now goes a moment later */
#define LOOK_US 20000

static char *
attribute (const char *device, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/sys/block/%s/%s", device, name);
  char *text = NULL;
  return g_file_get_contents (path, &text, NULL, NULL) ? g_strchomp (text) : NULL;
}

/* Two devices of one file do not see what is written to the other. */
static gboolean
is_taken (const struct stat *file, gboolean readonly)
{
  g_autoptr (GDir) dir = g_dir_open ("/sys/block", 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir))) {
    struct stat st;
    g_autofree char *backing = g_str_has_prefix (name, "loop") ? attribute (name, "loop/backing_file") : NULL;
    if (!backing || stat (backing, &st) < 0 || st.st_dev != file->st_dev || st.st_ino != file->st_ino)
      continue;
    g_autofree char *fixed = attribute (name, "ro");
    if (!readonly || g_strcmp0 (fixed, "1") != 0)
      return TRUE;
  }
  return FALSE;
}

static int
configure (char path[LOOP_PATH_MAX], int control, int backing, const char *file, gboolean readonly)
{
  struct loop_config config = { .fd = (__u32) backing };
  int number = ioctl (control, LOOP_CTL_GET_FREE);
  if (number < 0)
    return -errno;
  snprintf (path, LOOP_PATH_MAX, "/dev/loop%d", number);
  int fd = open (path, (readonly ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0u);
  g_strlcpy ((char *) config.info.lo_file_name, file, sizeof config.info.lo_file_name); /* for losetup's list */
  if (ioctl (fd, LOOP_CONFIGURE, &config) == 0)
    return fd;
  int error = errno;
  close (fd);
  return -error;
}

int
loop_open (char path[LOOP_PATH_MAX], const char *file, gboolean readonly)
{
  struct stat st;
  int backing = open (file, (readonly ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_CLOEXEC);
  int control = backing < 0 ? -1 : open ("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int r = control < 0 ? -errno : 0;
  if (r == 0 && (fstat (backing, &st) < 0 || !S_ISREG (st.st_mode)))
    r = -EINVAL;
  for (int look = 0; r == 0 && is_taken (&st, readonly); look++)
    if (look < LOOKS)
      g_usleep (LOOK_US);
    else
      r = -EBUSY;
  if (r == 0) {
    r = configure (path, control, backing, file, readonly);
    for (int again = 0; r == -EBUSY && again < TRIES; again++)
      r = configure (path, control, backing, file, readonly);
  }
  if (control >= 0)
    close (control);
  if (backing >= 0)
    close (backing);
  return r;
}
