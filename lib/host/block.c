/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block: what /sys/dev/block says about a number. */
#include "host/block.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <glib.h>

#include "base/fd.h"

#define LOOKS   5 /* two who look at the same moment are in each other's way */
#define LOOK_US 20000

/* A file of sysfs is a page at most. */
static char *
attribute (uint32_t major, uint32_t minor, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/sys/dev/block/%u:%u/%s", major, minor, name);
  char *text = NULL;
  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

bool
kata_block__is (const char *node, uint32_t major, uint32_t minor)
{
  struct stat st;
  return lstat (node, &st) == 0 && S_ISBLK (st.st_mode) && st.st_rdev == makedev (major, minor);
}

int
kata_block__node (char **node, uint32_t major, uint32_t minor)
{
  static const char key[] = "DEVNAME=";
  g_autofree char *text = attribute (major, minor, "uevent");
  if (text == NULL)
    return -ENODEV;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (!g_str_has_prefix (*line, key))
      continue;
    g_autofree char *path = g_strdup_printf ("/dev/%s", *line + strlen (key));
    if (!kata_block__is (path, major, minor))
      return -ENXIO;
    *node = g_steal_pointer (&path);
    return 0;
  }
  return -ENODEV;
}

bool
kata_block__is_readonly (uint32_t major, uint32_t minor)
{
  g_autofree char *text = attribute (major, minor, "ro");
  return text != NULL && text[0] == '1';
}

int
kata_block__try (const char *node)
{
  int r = -EBUSY;
  for (unsigned look = 0; r == -EBUSY && look < LOOKS; look++) {
    if (look > 0)
      g_usleep (LOOK_US);
    kata_auto_fd int fd = open (node, O_RDONLY | O_EXCL | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    r = fd >= 0 ? 0 : -errno;
  }
  return r;
}
