/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* find: the sandboxes of a state directory that somebody serves, or has served; never out of the state directory on a name's word. */
#include "metrics/find.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kata/kata.h>

#include "metrics/socket.h"

#define FOUND_MAX 4096u

/* Where the folders are. One is named after its sandbox, or has a file that tells it. */
static const struct place {
  const char *folder, *inner, *id_file;
} places[] = {
  { ".katactl", NULL, NULL },   /* katactl run -d */
  { ".oci", "pods", NULL },     /* kata-runtime */
  { ".shim", NULL, "sandbox" }, /* containerd-shim-libkata-v2 */
};

static void
found_free (metrics_found *found)
{
  close (found->fd);
  g_free (found->sandbox_id);
  g_free (found);
}

/* Of the library's form: nothing that could mean anything in a path or in a label. */
static gboolean
is_id (const char *id)
{
  gsize length = strlen (id);
  return g_ascii_isalnum (*id) && length <= KATA_ID_MAX &&
         strspn (id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-") == length;
}

static char *
read_id (int folder, const char *name)
{
  char text[KATA_ID_MAX + 2];
  struct stat st;
  int fd = openat (folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  ssize_t n = fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) ? read (fd, text, sizeof text - 1) : -1;
  if (fd >= 0)
    close (fd);
  if (n <= 0)
    return NULL;
  text[n] = 0;
  return is_id (g_strchomp (text)) ? g_strdup (text) : NULL;
}

static gboolean
has_socket (int folder)
{
  struct stat st;
  return fstatat (folder, METRICS_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK (st.st_mode);
}

static gboolean
is_known (const GPtrArray *all, const char *id)
{
  for (guint i = 0; i < all->len; i++)
    if (g_str_equal (((const metrics_found *) all->pdata[i])->sandbox_id, id))
      return TRUE;
  return FALSE;
}

static void
look_at (GPtrArray *all, int parent, const char *name, const struct place *place)
{
  int fd = metrics_socket_folder (parent, name);
  if (fd < 0)
    return;
  char *id = !has_socket (fd) ? NULL
             : place->id_file ? read_id (fd, place->id_file)
             : is_id (name)   ? g_strdup (name)
                              : NULL;
  if (!id || is_known (all, id)) {
    g_free (id);
    close (fd);
    return;
  }
  metrics_found *found = g_new (metrics_found, 1);
  *found = (metrics_found){ id, fd };
  g_ptr_array_add (all, found);
}

static int
open_place (int state, const struct place *place)
{
  int outer = metrics_socket_folder (state, place->folder);
  if (outer < 0 || !place->inner)
    return outer;
  int inner = metrics_socket_folder (outer, place->inner);
  close (outer);
  return inner;
}

static gint
by_id (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(metrics_found *const *) a)->sandbox_id, (*(metrics_found *const *) b)->sandbox_id);
}

GPtrArray *
metrics_find (const char *state_dir)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) found_free);
  int state = open (state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (gsize i = 0; state >= 0 && i < G_N_ELEMENTS (places); i++) {
    int folder = open_place (state, &places[i]);
    DIR *dir = folder < 0 ? NULL : fdopendir (folder);
    const struct dirent *entry;
    while (dir && all->len < FOUND_MAX && (entry = readdir (dir)))
      if (entry->d_name[0] != '.')
        look_at (all, folder, entry->d_name, &places[i]);
    if (dir)
      closedir (dir);
    else if (folder >= 0)
      close (folder);
  }
  if (state >= 0)
    close (state);
  g_ptr_array_sort (all, by_id);
  return all;
}
