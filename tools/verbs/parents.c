/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parents: a text of lines "INODE PATH", of which the last one counts; inode 0 was written before the folder was made, by one that was killed then. */
#include "verbs/parents.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/entry.h"

#define FOLDER "containers" /* its lock is taken, for it stays */
#define NAME   "../cgroups" /* is there only while it has a line */

struct parents {
  int folder;
  int changed;       /* lines are to go */
  GHashTable *known; /* path → inode, as guint64 * */
};

static void
take_line (GHashTable *known, const char *line)
{
  char *path = NULL;
  guint64 inode = g_ascii_strtoull (line, &path, 10);
  if (path > line && path[0] == ' ' && path[1] == '/')
    g_hash_table_insert (known, g_strdup (path + 1), g_memdup2 (&inode, sizeof inode));
}

static void
read_lines (parents *parents)
{
  g_autofree char *text = entry_read_file (parents->folder, NAME, O_NOFOLLOW);
  g_auto (GStrv) lines = g_strsplit (text ? text : "", "\n", -1);
  for (char **line = lines; *line; line++)
    take_line (parents->known, *line);
}

parents *
parents_open (oci *oci)
{
  int folder = entry_folder (oci, FOLDER), rc;
  if (folder < 0)
    return NULL;
  while ((rc = flock (folder, LOCK_EX)) < 0 && errno == EINTR)
    ;
  if (rc < 0) {
    close (folder);
    return NULL;
  }
  parents *parents = g_new0 (struct parents, 1);
  parents->folder = folder;
  parents->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  read_lines (parents);
  return parents;
}

static void
write_text (const parents *parents, const char *text, int flags)
{
  int fd = openat (parents->folder, NAME, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
  if (fd < 0 || write (fd, text, strlen (text)) < 0)
    g_debug ("the list of cgroups: %s", g_strerror (errno));
  if (fd >= 0)
    close (fd);
}

/* One write: a kill leaves a line whole or not at all. A full disk leaves the folder: it is a list, not a promise. */
static void
append (parents *parents, const char *path, guint64 inode)
{
  g_autofree char *line = g_strdup_printf ("%" G_GUINT64_FORMAT " %s\n", inode, path);
  write_text (parents, line, O_APPEND);
  g_hash_table_insert (parents->known, g_strdup (path), g_memdup2 (&inode, sizeof inode));
}

void
parents_intend (parents *parents, const char *path)
{
  if (parents)
    append (parents, path, 0);
}

void
parents_made (parents *parents, const char *path, ino_t inode)
{
  if (parents)
    append (parents, path, inode);
}

void
parents_forget (parents *parents, const char *path)
{
  if (parents && g_hash_table_remove (parents->known, path))
    parents->changed = 1;
}

int
parents_has (const parents *parents, const char *path, ino_t inode)
{
  const guint64 *known = parents ? g_hash_table_lookup (parents->known, path) : NULL;
  return known && (*known == 0 || *known == inode);
}

/* What somebody else has removed meanwhile goes too. Who is killed between truncation and writing leaves folders, nothing worse. */
static void
write_lines (parents *parents)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GHashTableIter iter;
  gpointer path, inode;
  struct stat st;
  g_hash_table_iter_init (&iter, parents->known);
  while (g_hash_table_iter_next (&iter, &path, &inode))
    if (lstat (path, &st) == 0 && parents_has (parents, path, st.st_ino))
      g_string_append_printf (text, "%" G_GUINT64_FORMAT " %s\n", *(guint64 *) inode, (char *) path);
  if (text->len > 0)
    write_text (parents, text->str, O_TRUNC);
  else
    unlinkat (parents->folder, NAME, 0);
}

void
parents_close (parents *parents)
{
  if (!parents)
    return;
  if (parents->changed)
    write_lines (parents);
  close (parents->folder);
  g_hash_table_unref (parents->known);
  g_free (parents);
}
