/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* residue: read from /proc. */
#include "residue.h"

#include <ctype.h>
#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

/* A mount of somebody else's goes from our namespace, too, when he removes its directory: where our files are elsewhere, /tmp is others'. */
static void
add_mounts (GString *out)
{
  g_autofree char *text = NULL;
  const bool others = g_str_has_prefix (g_get_tmp_dir (), "/tmp") == 0;
  g_auto (GStrv) lines =
      g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL) ? g_strsplit (text, "\n", -1) : NULL;
  for (char **line = lines; line != NULL && *line != NULL; line++)
    if (!others || strstr (*line, " /tmp/") == NULL)
      g_string_append_printf (out, "mount %s\n", *line);
}

static void
add_threads (GString *out)
{
#ifdef __SANITIZE_THREAD__
  return; /* it has one of its own, that comes and goes */
#endif
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name (dir)) != NULL;) {
    g_autofree char *path = g_build_filename ("/proc/self/task", name, "comm", NULL);
    g_autofree char *text = NULL;
    if (g_file_get_contents (path, &text, NULL, NULL))
      g_ptr_array_add (lines, g_strdup_printf ("thread %s %s", name, g_strchomp (text)));
  }
  add_sorted (out, lines);
}

/* The names of interfaces and the bound unix sockets; counters and addresses in memory change. */
static void
add_network (GString *out)
{
  static const struct {
    const char *path, *kind;
    int field;
  } tables[] = { { "/proc/self/net/dev", "link", 0 }, { "/proc/self/net/unix", "socket", 7 } };
  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++) {
    GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *text = NULL;
    g_auto (GStrv) rows = g_file_get_contents (tables[i].path, &text, NULL, NULL) ? g_strsplit (text, "\n", -1) : NULL;
    for (size_t row = 1; rows != NULL && rows[0] != NULL && rows[row] != NULL; row++) {
      g_auto (GStrv) words = g_strsplit_set (g_strstrip (rows[row]), " :", -1);
      g_autoptr (GPtrArray) full = g_ptr_array_new ();
      for (char **word = words; *word != NULL; word++)
        if (**word != '\0')
          g_ptr_array_add (full, *word);
      if ((int) full->len > tables[i].field)
        g_ptr_array_add (lines, g_strdup_printf ("%s %s", tables[i].kind, (char *) full->pdata[tables[i].field]));
    }
    add_sorted (out, lines);
  }
}

static GPtrArray *found; /* nftw() gives its callback no data */

static int
add_file (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  g_autofree char *text = NULL;
  g_autofree char *sum = NULL;
  gsize length = 0;
  if (S_ISREG (st->st_mode) && st->st_size < 1 << 20 && g_file_get_contents (path, &text, &length, NULL))
    sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *) text, length);
  g_ptr_array_add (found, g_strdup_printf ("file %s %o %s", path, (unsigned) st->st_mode, sum != NULL ? sum : ""));
  return 0;
}

static void
add_files (GString *out, const char *dir)
{
  found = g_ptr_array_new_with_free_func (g_free);
  nftw (dir, add_file, 16, FTW_PHYS);
  add_sorted (out, found);
}

static char *
take (const char *dir, unsigned what)
{
  GString *out = g_string_new (NULL);
  if ((what & RESIDUE_FDS) != 0)
    add_fds (out);
  if ((what & RESIDUE_CHILDREN) != 0)
    add_children (out);
  if ((what & RESIDUE_MOUNTS) != 0)
    add_mounts (out);
  if ((what & RESIDUE_FILES) != 0 && dir != NULL)
    add_files (out, dir);
  if ((what & RESIDUE_THREADS) != 0)
    add_threads (out);
  if ((what & RESIDUE_SOCKETS) != 0)
    add_network (out);
  if ((what & RESIDUE_SHM) != 0)
    add_files (out, "/dev/shm");
  return g_string_free (out, FALSE);
}

/* Threads of a null guest that is no more may be about to end: what they still have is not what was there before. */
static void
wait_for_guests (void)
{
  for (int i = 0; i < TRIES; i++) {
    g_autoptr (GString) threads = g_string_new (NULL);
    add_threads (threads);
    if (strstr (threads->str, " null-") == NULL)
      return;
    g_usleep (PAUSE_US);
  }
}

char *
residue_take (const char *dir, unsigned what)
{
  if ((what & RESIDUE_THREADS) != 0)
    wait_for_guests ();
  return take (dir, what);
}

static void
add_missing (GString *out, char sign, const char *from, const char *in)
{
  g_auto (GStrv) lines = g_strsplit (from, "\n", -1);
  g_auto (GStrv) others = g_strsplit (in, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (!g_strv_contains ((const char *const *) others, *line))
      g_string_append_printf (out, "%c %s\n", sign, *line);
}

char *
residue_compare (const char *before, const char *dir, unsigned what)
{
  for (int i = 0;; i++) {
    g_autofree char *now = take (dir, what);
    if (strcmp (now, before) == 0)
      return NULL;
    if (i >= TRIES) {
      GString *out = g_string_new (NULL);
      add_missing (out, '-', before, now);
      add_missing (out, '+', now, before);
      return g_string_free (out, FALSE);
    }
    g_usleep (i < 20 ? PAUSE_US / 20 : PAUSE_US);
  }
}

void
residue_end_children (void)
{
  for (;;) {
    g_autofree char *text = NULL;
    if (!g_file_get_contents ("/proc/thread-self/children", &text, NULL, NULL) || atoi (text) <= 0)
      return;
    kill (atoi (text), SIGKILL);
    waitpid (atoi (text), NULL, 0);
  }
}

static long
number_in (const char *path, const char *name)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return -1;
  const char *line = strstr (text, name);
  return line != NULL ? strtol (line + strlen (name), NULL, 10) : -1;
}

long
residue_rss_kib (void)
{
  return number_in ("/proc/self/status", "VmRSS:");
}

long
residue_pss_kib (void)
{
  return number_in ("/proc/self/smaps_rollup", "Pss:");
}

int
residue_threads (void)
{
  return (int) number_in ("/proc/self/status", "Threads:");
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
