/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* root-device: the devmapper snapshotter hands over devices, blockfile files with the option "loop". */
#include "root-device.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "options.h"

/* Those that the library lets a guest mount. */
static const char *const types[] = { "ext4", "xfs", "erofs", "squashfs", "btrfs", NULL };

/* What is said to mount(8), not to the kernel. */
static gboolean
is_for_mount (const char *option)
{
  static const char *const words[] = { "", "auto", "defaults", "loop", "noauto", "nofail", "rw", "_netdev", NULL };
  return g_strv_contains (words, option) || g_ascii_strncasecmp (option, "x-", 2) == 0;
}

static gboolean
has (const Shim__Mount *mount, const char *word)
{
  for (size_t i = 0; i < mount->n_options; i++)
    if (g_str_equal (mount->options[i], word))
      return TRUE;
  return FALSE;
}

/* A bind mount, or one with other ids than the file system's, is not what a guest can make of a device. */
static gboolean
is_plain (const Shim__Mount *mount)
{
  for (size_t i = 0; i < mount->n_options; i++)
    if (g_str_has_prefix (mount->options[i], "uidmap=") || g_str_has_prefix (mount->options[i], "gidmap="))
      return FALSE;
  return !*mount->target && !has (mount, "bind") && !has (mount, "rbind");
}

static char **
options_of (const Shim__Mount *mount)
{
  GPtrArray *options = g_ptr_array_new ();
  for (size_t i = 0; i < mount->n_options; i++)
    if (!is_for_mount (mount->options[i]))
      g_ptr_array_add (options, g_strdup (mount->options[i]));
  g_ptr_array_add (options, NULL);
  return (char **) g_ptr_array_free (options, FALSE);
}

gboolean
root_device_take (root_device *out, Shim__Mount *const *mounts, size_t n, char **why)
{
  char path[LOOP_PATH_MAX];
  struct stat st;
  const Shim__Mount *mount = n == 1 ? mounts[0] : NULL;
  if (!mount || !is_plain (mount) || !g_strv_contains (types, mount->type) || !options_is_path (mount->source) ||
      stat (mount->source, &st) < 0)
    return TRUE;
  if (S_ISREG (st.st_mode) && has (mount, "loop")) {
    out->loop = loop_open (path, mount->source, has (mount, "ro"));
    if (out->loop < 0)
      *why = g_strdup_printf ("root file system: a loop device of \"%.200s\": %s%s", mount->source,
                              g_strerror (-out->loop),
                              out->loop == -EBUSY ? "; it is one already (losetup shows it)" : "");
  } else if (!S_ISBLK (st.st_mode)) {
    return TRUE;
  }
  if (*why)
    return FALSE;
  out->path = g_strdup (out->loop >= 0 ? path : mount->source);
  out->type = g_strdup (mount->type);
  out->options = options_of (mount);
  return TRUE;
}

void
root_device_clear (root_device *device)
{
  if (device->loop >= 0)
    close (device->loop);
  device->loop = -1;
  g_clear_pointer (&device->path, g_free);
  g_clear_pointer (&device->type, g_free);
  g_clear_pointer (&device->options, g_strfreev);
}
