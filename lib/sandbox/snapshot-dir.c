/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot-dir: the directory of a snapshot, which may have been made or changed by anybody who could. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "host/beneath.h"
#include "sandbox/record.h"
#include "sandbox/snapshot.h"

#define FILES_MAX  256u
#define CHUNK_SIZE ((size_t) 1 << 20)

static int
check_owner (int fd, const char *dir, kata_error **err)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    return kata_error__errno (err, KATA_E_IO, dir, errno, "snapshot: \"%s\"", dir);
  if (st.st_uid == geteuid () && (st.st_mode & 0022) == 0)
    return 0;
  return kata_error__set (err, KATA_E_PERMISSION, dir,
                          "snapshot: \"%s\" belongs to user %u with mode %04o; it must be ours and writable by nobody "
                          "else",
                          dir, (unsigned) st.st_uid, (unsigned) st.st_mode & 07777);
}

typedef int (*each_fn) (int dir_fd, const char *name, mode_t mode, kata_error **err);

static int
for_each (int fd, const char *path, each_fn fn, mode_t mode, kata_error **err)
{
  int copy = kata_beneath__open (fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, false);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  if (dir == NULL) {
    kata_fd__close (copy);
    return kata_error__errno (err, copy < 0 && copy != -EACCES ? KATA_E_CORRUPT : KATA_E_IO, path,
                              copy < 0 ? -copy : errno, "snapshot: look into \"%s\"", path);
  }
  int r = 0;
  unsigned n = 0;
  for (struct dirent *entry; r == 0 && (entry = readdir (dir)) != NULL;) {
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
      continue;
    r = ++n > FILES_MAX
            ? kata_error__set (err, KATA_E_LIMIT, path, "snapshot: more than %u files in \"%s\"", FILES_MAX, path)
            : fn (dirfd (dir), entry->d_name, mode, err);
  }
  closedir (dir);
  return r;
}

static int
refuse (int dir_fd, const char *name, mode_t mode, kata_error **err)
{
  return kata_error__set (err, KATA_E_EXISTS, name,
                          "snapshot: the directory is not empty: there is \"%.100s\"; make a new one", name);
}

int
kata_snapshot_dir__open (int *out, char **real, const char *dir, bool empty, kata_error **err)
{
  if (!g_path_is_absolute (dir) || !g_utf8_validate (dir, -1, NULL))
    return kata_error__set (err, KATA_E_INVALID, "dir", "snapshot: \"%.200s\" is no absolute path in UTF-8", dir);
  kata_auto_fd int fd = open (dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return kata_error__errno (err,
                              errno == ENOENT   ? KATA_E_NOT_FOUND
                              : errno == EACCES ? KATA_E_PERMISSION
                                                : KATA_E_INVALID,
                              "dir", errno, "snapshot: open the directory \"%s\"", dir);
  int r = check_owner (fd, dir, err);
  if (r == 0 && empty)
    r = for_each (fd, ".", refuse, 0, err);
  if (r != 0)
    return r;
  /* Hypervisors are given it by its name. */
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  *real = g_file_read_link (link, NULL);
  if (*real == NULL)
    return kata_error__set (err, KATA_E_IO, "dir", "snapshot: \"%s\" has no name of its own", dir);
  *out = kata_fd__steal (&fd);
  return 0;
}

static int
check_file (int dir_fd, const char *name, mode_t mode, kata_error **err)
{
  struct stat st;
  kata_auto_fd int fd = openat (dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &st) != 0)
    return kata_error__errno (err, KATA_E_CORRUPT, name, errno, "snapshot: open \"%.100s\"", name);
  if (!S_ISREG (st.st_mode) || st.st_uid != geteuid () || (mode == 0 && (st.st_mode & 0022) != 0))
    return kata_error__set (err, KATA_E_CORRUPT, name,
                            "snapshot: \"%.100s\" is not a file of ours that nobody else can write", name);
  if (mode != 0 && (fchmod (fd, mode) != 0 || fsync (fd) != 0))
    return kata_error__errno (err, KATA_E_IO, name, errno, "snapshot: keep \"%.100s\"", name);
  return 0;
}

int
kata_snapshot_dir__check (int fd, const char *name, mode_t mode, kata_error **err)
{
  kata_auto_fd int folder = kata_beneath__open (fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, false);
  if (folder < 0)
    return kata_error__errno (err, KATA_E_CORRUPT, name, -folder, "snapshot: open \"%s\"", name);
  int r = check_owner (folder, name, err);
  return r != 0 ? r : for_each (folder, ".", check_file, mode, err);
}

static int
copy_part (int from, int to, off_t at, off_t end, char *buffer)
{
  while (at < end) {
    ssize_t n = pread (from, buffer, MIN (CHUNK_SIZE, (size_t) (end - at)), at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? -errno : 0; /* cut short meanwhile */
    for (ssize_t done = 0, put; done < n; done += put) {
      put = pwrite (to, buffer + done, (size_t) (n - done), at + done);
      if (put < 0)
        return -errno;
    }
    at += n;
  }
  return 0;
}

int
kata_snapshot_dir__copy (int from, int to, const char *what, kata_error **err)
{
  g_autofree char *buffer = g_malloc (CHUNK_SIZE);
  off_t at = 0;
  int r = 0;
  while (r == 0) {
    off_t data = lseek (from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      return 0;
    at = data < 0 ? -1 : lseek (from, data, SEEK_HOLE);
    r = at < 0 ? -errno : copy_part (from, to, data, at, buffer);
  }
  return kata_error__errno (err, KATA_E_IO, what, -r, "snapshot: copy \"%s\"", what);
}

/* ---- what is restored from ---- */

static int
read_file (struct kata_snapshot_source *source, const char *name, size_t limit, char **text, size_t *length,
           kata_error **err)
{
  int r = kata_beneath__read (source->fd, name, limit, text, length);
  if (r == -ENOENT)
    return kata_error__set (err, KATA_E_NOT_FOUND, name,
                            "restore: there is no \"%s\": the directory is no snapshot, or one that was not finished",
                            name);
  if (r != 0)
    return kata_error__errno (err, KATA_E_CORRUPT, name, -r, "restore: read \"%s\"", name);
  return 0;
}

int
kata_snapshot_manifest__parse (struct kata_snapshot_manifest *m, kata_arena *arena, const char *text, size_t length,
                               kata_error **err)
{
  const kata_json *root = NULL;
  struct kata_json_reader reader = { .arena = arena, .code = KATA_E_CORRUPT, .err = err, .strings_max = 256 };
  int r = kata_json__parse (&root, arena, text, length, NULL, KATA_E_CORRUPT, err);
  if (r != 0)
    return r;
  if (!kata_json__is (&reader, root, KATA_JSON_OBJECT))
    return reader.result;
  m->format = kata_json__get_u32 (&reader, root, "format");
  if (reader.result == 0 && m->format != KATA_SNAPSHOT_FORMAT)
    return kata_error__set (err, m->format == 0 ? KATA_E_CORRUPT : KATA_E_UNSUPPORTED, "format",
                            "restore: the snapshot is of format %u, this library's is %u", m->format,
                            KATA_SNAPSHOT_FORMAT);
  m->libkata = kata_json__get_string_required (&reader, root, "libkata");
  m->hypervisor = kata_json__get_string_required (&reader, root, "hypervisor");
  m->hypervisor_version = kata_json__get_string_required (&reader, root, "hypervisor_version");
  m->id = kata_json__get_string_required (&reader, root, "id");
  if (reader.result != 0)
    return reader.result;
  if (strcmp (m->libkata, KATA_VERSION) != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "libkata",
                            "restore: the snapshot was made by libkata %.60s, this is " KATA_VERSION, m->libkata);
  return kata_id__check ("id", m->id, NULL) == 0
             ? 0
             : kata_error__set (err, KATA_E_CORRUPT, "id", "restore: the snapshot's id is none");
}

static int
read_manifest (struct kata_snapshot_source *source, kata_error **err)
{
  g_autofree char *text = NULL;
  size_t length = 0;
  int r = read_file (source, KATA_SNAPSHOT_MANIFEST, KATA_SNAPSHOT_MANIFEST_MAX, &text, &length, err);
  return r != 0 ? r : kata_snapshot_manifest__parse (&source->manifest, source->arena, text, length, err);
}

static int
read_state (struct kata_snapshot_source *source, kata_error **err)
{
  g_autofree char *text = NULL;
  size_t length = 0;
  const char *id = source->manifest.id;
  int r = read_file (source, KATA_SNAPSHOT_STATE, KATA_STATE_BYTES_MAX, &text, &length, err);
  if (r == 0)
    r = kata_state__parse (&source->state, text, length, id, err);
  if (r != 0)
    return r;
  const kata_sandbox_state *state = source->state;
  const char *wrong = state->state != KATA_STATE_PAUSED                                   ? "state"
                      : strcmp (state->plan.hypervisor, source->manifest.hypervisor) != 0 ? "hypervisor"
                                                                                          : NULL;
  if (wrong != NULL)
    return kata_error__set (err, KATA_E_CORRUPT, wrong, "restore: the snapshot's \"%s\" cannot be", wrong);
  return 0;
}

int
kata_snapshot_source__open (struct kata_snapshot_source *source, const char *dir, kata_error **err)
{
  g_autofree char *real = NULL;
  *source = (struct kata_snapshot_source){ .fd = -1 };
  int r = kata_snapshot_dir__open (&source->fd, &real, dir, false, err);
  if (r != 0)
    return r;
  source->arena = kata_arena__new ();
  source->vm_dir = g_build_filename (real, KATA_SNAPSHOT_VM, NULL);
  r = read_manifest (source, err);
  if (r == 0)
    r = read_state (source, err);
  return r != 0 ? r : kata_snapshot_dir__check (source->fd, KATA_SNAPSHOT_VM, 0, err);
}

void
kata_snapshot_source__clear (struct kata_snapshot_source *source)
{
  kata_fd__closep (&source->fd);
  g_free (source->vm_dir);
  kata_state__free (source->state);
  if (source->arena != NULL)
    kata_arena__free (source->arena);
}
