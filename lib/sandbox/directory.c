/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* directory: plain directories and flock. */
#include "sandbox/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "host/beneath.h"
#include "host/pidfd.h"

#define PAUSE_MIN_US  500
#define PAUSE_MAX_US  20000
#define SANDBOXES_MAX 100000u

int
kata_directory__open_state (int *out, const char *path, kata_error **err)
{
  struct stat st;
  if (!g_path_is_absolute (path))
    return kata_error__set (err, KATA_E_INVALID, "state_dir", "state_dir: \"%s\" is not an absolute path", path);
  g_autofree char *parent = g_path_get_dirname (path);
  if (g_mkdir_with_parents (parent, 0755) != 0 || (mkdir (path, 0700) != 0 && errno != EEXIST))
    return kata_error__errno (err, errno == EACCES || errno == EPERM ? KATA_E_PERMISSION : KATA_E_IO, path, errno,
                              "state_dir: make \"%s\"", path);
  kata_auto_fd int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &st) != 0)
    return kata_error__errno (err, errno == EACCES || errno == EPERM ? KATA_E_PERMISSION : KATA_E_IO, path, errno,
                              "state_dir: open \"%s\"", path);
  if (st.st_uid != geteuid () || (st.st_mode & 0022) != 0)
    return kata_error__set (
        err, KATA_E_PERMISSION, path,
        "state_dir: \"%s\" belongs to user %u with mode %04o; it must be ours and writable by nobody "
        "else",
        path, (unsigned) st.st_uid, (unsigned) st.st_mode & 07777);
  *out = kata_fd__steal (&fd);
  return 0;
}

int
kata_directory__lock (int fd, const char *id, int64_t deadline_us, kata_error **err)
{
  struct stat st;
  for (gulong pause = PAUSE_MIN_US; flock (fd, LOCK_EX | LOCK_NB) != 0; pause = MIN (pause * 2, PAUSE_MAX_US)) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, id, errno, "lock \"%s\"", id);
    if (kata_deadline__now () >= deadline_us)
      return kata_error__set (err, KATA_E_BUSY, id, "\"%s\" is in use by another operation; try again later", id);
    g_usleep (pause);
  }
  if (fstat (fd, &st) != 0 || st.st_nlink == 0) {
    kata_directory__unlock (fd);
    return kata_error__set (err, KATA_E_NOT_FOUND, id, "no sandbox \"%s\": it was deleted", id);
  }
  return 0;
}

void
kata_directory__unlock (int fd)
{
  flock (fd, LOCK_UN);
}

int
kata_directory__open (int *out, int state_fd, const char *id, kata_error **err)
{
  int fd = kata_beneath__open (state_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, false);
  if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
    return kata_error__set (err, KATA_E_NOT_FOUND, id, "no sandbox \"%s\"", id);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, id, -fd, "open sandbox \"%s\"", id);
  *out = fd;
  return 0;
}

static int
make_locked (int *out, int state_fd, const char *id, int64_t deadline_us, kata_error **err)
{
  if (mkdirat (state_fd, id, 0700) != 0)
    return errno == EEXIST
               ? kata_error__set (err, KATA_E_EXISTS, id, "sandbox \"%s\" exists already; use another id", id)
               : kata_error__errno (err, KATA_E_IO, id, errno, "make the directory of sandbox \"%s\"", id);
  kata_auto_fd int fd = -1;
  int r = kata_directory__open (&fd, state_fd, id, err);
  if (r == 0)
    r = kata_directory__lock (fd, id, deadline_us, err);
  if (r != 0) {
    unlinkat (state_fd, id, AT_REMOVEDIR);
    return r;
  }
  *out = kata_fd__steal (&fd);
  return 0;
}

int
kata_directory__make (int *out, int state_fd, const char *id, int64_t deadline_us, kata_error **err)
{
  /* The parent's lock is for the moment between mkdir and lock only: recovery takes it to look at a directory. A descriptor of our own, because
   * flock does not tell threads with one descriptor apart. */
  kata_auto_fd int fd = kata_beneath__open (state_fd, ".", O_RDONLY | O_DIRECTORY, 0, false);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, "state_dir", -fd, "open the state directory");
  int r = kata_directory__lock (fd, "state_dir", deadline_us, err);
  return r != 0 ? r : make_locked (out, fd, id, deadline_us, err);
}

static int
compare (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

int
kata_directory__list (char ***out, int state_fd, kata_error **err)
{
  int copy = kata_beneath__open (state_fd, ".", O_RDONLY | O_DIRECTORY, 0, false);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  if (dir == NULL) {
    kata_fd__close (copy);
    return kata_error__errno (err, KATA_E_IO, "state_dir", copy < 0 ? -copy : errno, "list the state directory");
  }
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  struct dirent *entry;
  while ((entry = readdir (dir)) != NULL && names->len < SANDBOXES_MAX)
    if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && kata_id__check ("id", entry->d_name, NULL) == 0)
      g_ptr_array_add (names, g_strdup (entry->d_name));
  closedir (dir);
  if (names->len != 0)
    qsort (names->pdata, names->len, sizeof (char *), compare);
  g_ptr_array_add (names, NULL);
  *out = (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return 0;
}
