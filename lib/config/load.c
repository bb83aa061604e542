/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load: finds and reads the base file and its drop-ins; what is in them is text.c's. */
#include "config/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "config/text.h"

const char *const kata_config__search_path[] = {
  "/etc/kata-containers/configuration.toml",
  "/etc/kata-containers/runtime-rs/configuration.toml",
  KATA_DATADIR "/defaults/kata-containers/configuration.toml",
  "/usr/share/defaults/kata-containers/configuration.toml",
  "/usr/share/defaults/kata-containers/runtime-rs/configuration.toml",
  "/opt/kata/share/defaults/kata-containers/runtime-rs/configuration.toml",
  NULL,
};

static int
open_code (int errnum)
{
  if (errnum == ENOENT || errnum == ENOTDIR)
    return KATA_E_NOT_FOUND;
  return errnum == EACCES || errnum == EPERM ? KATA_E_PERMISSION : KATA_E_IO;
}

/* A regular file of bounded size, whole; a FIFO or device must not make us wait, so it is opened without blocking and refused. */
static int
read_file (char **text, size_t *len, int dir_fd, const char *name, const char *path, kata_error **err)
{
  struct stat st;
  kata_auto_fd int fd = openat (dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return kata_error__errno (err, open_code (errno), path, errno, "configuration file \"%s\"", path);
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    return kata_error__set (err, KATA_E_CONFIG, path, "configuration file \"%s\": not a regular file", path);
  if (st.st_size > KATA_CONFIG_BYTES_MAX)
    return kata_error__set (err, KATA_E_LIMIT, path, "configuration file \"%s\": larger than %u bytes", path,
                            KATA_CONFIG_BYTES_MAX);
  size_t size = (size_t) st.st_size, have = 0;
  g_autofree char *buffer = g_malloc (size + 1);
  while (have < size) {
    ssize_t n = read (fd, buffer + have, size - have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return kata_error__errno (err, KATA_E_IO, path, errno, "configuration file \"%s\"", path);
    if (n == 0)
      break;
    have += (size_t) n;
  }
  *len = have;
  *text = g_steal_pointer (&buffer);
  return 0;
}

static int
merge_file (kata_config *config, int dir_fd, const char *name, const char *path, GPtrArray *warnings, kata_error **err)
{
  g_autofree char *text = NULL;
  size_t len = 0;
  int r = read_file (&text, &len, dir_fd, name, path, err);
  if (r == 0)
    r = kata_config__read_text (config, path, text, len, warnings, err);
  if (r == 0)
    g_ptr_array_add (config->files, g_strdup (path));
  return r;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
close_dir (DIR *dir)
{
  if (dir != NULL)
    closedir (dir);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DIR, close_dir)

/* `config.d/` beside the base file, where its symlinks end, sorted; a directory or device in it is an error, because somebody expects it to count. */
static int
merge_dropins (kata_config *config, const char *base, GPtrArray *warnings, kata_error **err)
{
  g_autofree char *real = g_canonicalize_filename (base, NULL);
  char *resolved = realpath (base, NULL); /* not of GLib's memory */
  if (resolved != NULL) {
    g_free (real);
    real = g_strdup (resolved);
    free (resolved);
  }
  g_autofree char *dir = g_path_get_dirname (real);
  g_autofree char *path = g_build_filename (dir, "config.d", NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (DIR) stream = opendir (path);
  if (stream == NULL && errno == ENOENT)
    return 0;
  if (stream == NULL)
    return kata_error__errno (err, KATA_E_IO, path, errno, "configuration directory \"%s\"", path);
  for (struct dirent *entry; (entry = readdir (stream)) != NULL;) {
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
      continue;
    if (names->len >= KATA_CONFIG_DROPINS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, path, "configuration directory \"%s\": more than %d files", path,
                              KATA_CONFIG_DROPINS_MAX);
    g_ptr_array_add (names, g_strdup (entry->d_name));
  }
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *file = g_build_filename (path, names->pdata[i], NULL);
    int r = merge_file (config, dirfd (stream), names->pdata[i], file, warnings, err);
    if (r != 0)
      return r;
  }
  return 0;
}

/* The first that is there, even if it cannot be read: an administrator's file is not passed over in silence. */
static const char *
first_existing (const char *const *search)
{
  for (; *search != NULL; search++)
    if (access (*search, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
      return *search;
  return NULL;
}

int
kata_config__load (kata_config **out, const char *path, const char *const *search, GPtrArray *warnings,
                   kata_error **err)
{
  g_autoptr (kata_config) config = kata_config__new ();
  const char *base = path;
  if (base == NULL)
    base = first_existing (search != NULL ? search : kata_config__search_path);
  int r = base != NULL ? merge_file (config, AT_FDCWD, base, base, warnings, err) : 0;
  if (r == 0 && base != NULL)
    r = merge_dropins (config, base, warnings, err);
  if (r == 0)
    r = kata_config__check (config, err);
  if (r != 0)
    return r;
  g_free (config->path);
  config->path = g_strdup (base != NULL ? base : "");
  *out = g_steal_pointer (&config);
  return 0;
}

int
kata_config__parse (kata_config **out, const char *name, const char *text, size_t len, GPtrArray *warnings,
                    kata_error **err)
{
  g_autoptr (kata_config) config = kata_config__new ();
  int r = kata_config__read_text (config, name, text, len, warnings, err);
  if (r == 0)
    r = kata_config__check (config, err);
  if (r == 0)
    *out = g_steal_pointer (&config);
  return r;
}
