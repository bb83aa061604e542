/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residue: read from /proc. */
#include "residue.h"

#include <ctype.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#define TRIES    100
#define PAUSE_US 20000

static gint
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_sorted (GString *out, GPtrArray *lines)
{
  g_ptr_array_sort (lines, compare_text);
  for (guint i = 0; i < lines->len; i++)
    g_string_append_printf (out, "%s\n", (char *) lines->pdata[i]);
  g_ptr_array_unref (lines);
}

static void
add_fds (GString *out)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  DIR *dir = opendir ("/proc/self/fd");
  for (struct dirent *entry; dir != NULL && (entry = readdir (dir)) != NULL;) {
    char target[512];
    g_autofree char *path = g_build_filename ("/proc/self/fd", entry->d_name, NULL);
    ssize_t n = readlink (path, target, sizeof target - 1);
    if (!isdigit ((unsigned char) entry->d_name[0]) || n < 0 || atoi (entry->d_name) == dirfd (dir))
      continue;
    target[n] = '\0';
    g_ptr_array_add (lines, g_strdup_printf ("fd %s %s", entry->d_name, target));
  }
  if (dir != NULL)
    closedir (dir);
  add_sorted (out, lines);
}

static void
add_children (GString *out)
{
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  DIR *dir = opendir ("/proc");
  for (struct dirent *entry; dir != NULL && (entry = readdir (dir)) != NULL;) {
    g_autofree char *path = g_strdup_printf ("/proc/%s/stat", entry->d_name);
    g_autofree char *text = NULL;
    int parent = 0;
    if (!isdigit ((unsigned char) entry->d_name[0]) || !g_file_get_contents (path, &text, NULL, NULL))
      continue;
    const char *end = strrchr (text, ')');
    if (end != NULL && sscanf (end + 1, " %*c %d", &parent) == 1 && parent == getpid ())
      g_ptr_array_add (lines, g_strdup_printf ("child %s", entry->d_name));
  }
  if (dir != NULL)
    closedir (dir);
  add_sorted (out, lines);
}

static void
add_mounts (GString *out)
{
  g_autofree char *text = NULL;
  if (g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    g_string_append (out, text);
}

static GPtrArray *found; /* nftw() gives its callback no data */

static int
add_file (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  g_ptr_array_add (found, g_strdup_printf ("file %s", path));
  return 0;
}

char *
residue_take (const char *dir, unsigned what)
{
  GString *out = g_string_new (NULL);
  if ((what & RESIDUE_FDS) != 0)
    add_fds (out);
  if ((what & RESIDUE_CHILDREN) != 0)
    add_children (out);
  if ((what & RESIDUE_MOUNTS) != 0)
    add_mounts (out);
  if ((what & RESIDUE_FILES) != 0 && dir != NULL) {
    found = g_ptr_array_new_with_free_func (g_free);
    nftw (dir, add_file, 16, FTW_PHYS);
    add_sorted (out, found);
  }
  return g_string_free (out, FALSE);
}

char *
residue_compare (const char *before, const char *dir, unsigned what)
{
  char *now = NULL;
  for (int i = 0; i < TRIES; i++) {
    g_free (now);
    now = residue_take (dir, what);
    if (strcmp (now, before) == 0) {
      g_free (now);
      return NULL;
    }
    g_usleep (PAUSE_US);
  }
  return now;
}

static long
status_field (const char *name)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/self/status", &text, NULL, NULL))
    return -1;
  const char *line = strstr (text, name);
  return line != NULL ? strtol (line + strlen (name), NULL, 10) : -1;
}

long
residue_rss_kib (void)
{
  return status_field ("VmRSS:");
}

int
residue_threads (void)
{
  return (int) status_field ("Threads:");
}

int
residue_fds (void)
{
  int n = -1; /* the one that lists */
  DIR *dir = opendir ("/proc/self/fd");
  for (struct dirent *entry; dir != NULL && (entry = readdir (dir)) != NULL;)
    n += isdigit ((unsigned char) entry->d_name[0]) != 0;
  if (dir != NULL)
    closedir (dir);
  return n;
}
