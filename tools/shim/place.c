/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place: reads the file; what it says is the library's to tell. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

#define CONFIG_MAX (16u << 20)

/* The bundle is containerd's; the file must be a plain file of bounded size. */
static char *
read_config (const char *bundle, char **error)
{
  g_autofree char *path = g_build_filename (bundle, "config.json", NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_size > CONFIG_MAX) {
    *error = g_strdup_printf ("bundle: \"%s\": %s", path,
                              fd < 0 ? g_strerror (errno) : "no plain file, or larger than 16 MiB");
    if (fd >= 0)
      close (fd);
    return NULL;
  }
  g_autofree char *text = g_malloc ((gsize) st.st_size + 1);
  gsize at = 0;
  ssize_t n = 0;
  while (at < (gsize) st.st_size && (n = read (fd, text + at, (gsize) st.st_size - at)) > 0)
    at += (gsize) n;
  close (fd);
  text[at] = 0;
  return g_steal_pointer (&text);
}

gboolean
place_read (place *out, const char *bundle, const char *id, char **error)
{
  g_autofree kata_placement *placement = g_new0 (kata_placement, 1);
  g_autofree char *text = read_config (bundle, error);
  kata_error *err = NULL;
  placement->size = sizeof *placement;
  if (!text)
    return FALSE;
  if (kata_placement_read (placement, text, id, &err) < 0) {
    *error = g_strdup_printf ("bundle: config.json: %s", kata_error_get_message (err));
    kata_error_unref (err);
    return FALSE;
  }
  if (!options_is_identifier (placement->sandbox_id)) {
    *error =
        g_strdup_printf ("bundle: config.json: the sandbox's id \"%.80s\" is no identifier", placement->sandbox_id);
    return FALSE;
  }
  out->owner = placement->role != KATA_PLACEMENT_CONTAINER;
  out->group = g_strdup (placement->sandbox_id);
  out->hostname = g_strdup (placement->hostname);
  return TRUE;
}

void
place_clear (place *place)
{
  g_clear_pointer (&place->group, g_free);
  g_clear_pointer (&place->hostname, g_free);
}
