/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree: the removal; bounded in depth (the guest may have made a deep tree in the shared directory) by moving deep parts up. */
#include "host/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/beneath.h"

#define DEPTH_MAX 64

struct removal {
  int top;          /* the tree's root: deep parts are moved here */
  unsigned moved;   /* how many were */
  const char *keep; /* (nullable): a name directly below the root that stays */
  int failure;      /* first errno; what is left is behind it */
  char what[256];   /* its name */
};

static void
note_failure (struct removal *removal, const char *name, int errnum)
{
  if (removal->failure != 0)
    return;
  removal->failure = errnum;
  g_strlcpy (removal->what, name, sizeof removal->what);
}

static void remove_entries (struct removal *removal, int fd, unsigned depth);

/* Names may be taken: an earlier removal was killed, or the guest made them. What has one is met and removed in its turn. */
static int
move_up (struct removal *removal, int parent, const char *name)
{
  char place[32];
  do {
    snprintf (place, sizeof place, ".deep-%u", removal->moved++);
    if (renameat (parent, name, removal->top, place) == 0)
      return 0;
  } while (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR); /* another directory, or a file */
  return -errno;
}

static void
remove_directory (struct removal *removal, int parent, const char *name, unsigned depth)
{
  /* The kernel answers EXDEV for a mount point, also for one that binds a directory of the same file system. */
  kata_auto_fd int fd = kata_beneath__open (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, true);
  if (fd == -ENOENT)
    return;
  if (fd < 0) {
    note_failure (removal, name, -fd);
    return;
  }
  if (depth >= DEPTH_MAX) {
    int r = move_up (removal, parent, name);
    if (r != 0)
      note_failure (removal, name, -r);
    return;
  }
  remove_entries (removal, fd, depth);
  if (unlinkat (parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
    note_failure (removal, name, errno);
}

static void
remove_entry (struct removal *removal, int fd, const char *name, unsigned depth)
{
  if (unlinkat (fd, name, 0) == 0 || errno == ENOENT)
    return;
  if (errno == EISDIR || errno == EPERM)
    remove_directory (removal, fd, name, depth + 1);
  else
    note_failure (removal, name, errno);
}

static void
remove_entries (struct removal *removal, int fd, unsigned depth)
{
  int copy = kata_beneath__open (fd, ".", O_RDONLY | O_DIRECTORY, 0, true);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  if (dir == NULL) {
    note_failure (removal, ".", errno);
    kata_fd__close (copy);
    return;
  }
  const char *keep = depth == 0 ? removal->keep : NULL;
  struct dirent *entry;
  while ((entry = readdir (dir)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0 && g_strcmp0 (entry->d_name, keep) != 0)
      remove_entry (removal, fd, entry->d_name, depth);
  closedir (dir);
}

/* Each pass removes what it finds; another is needed only for what was moved up from the depth. */
static void
sweep (struct removal *removal)
{
  unsigned moved;
  do {
    moved = removal->moved;
    remove_entries (removal, removal->top, 0);
  } while (removal->moved != moved && removal->failure == 0);
}

static int
result (const struct removal *removal, const char *name, kata_error **err)
{
  if (removal->failure == EXDEV || removal->failure == EBUSY)
    return kata_error__set (err, KATA_E_BUSY, name, "remove \"%s\": something is still mounted at \"%s\" in it", name,
                            removal->what);
  if (removal->failure != 0)
    return kata_error__errno (err, KATA_E_IO, name, removal->failure, "remove \"%s\": \"%s\" in it", name,
                              removal->what);
  return 0;
}

int
kata_tree__remove (int dirfd, const char *name, kata_error **err)
{
  struct removal removal = { .top = -1 };
  kata_auto_fd int top = kata_beneath__open (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, true);
  if (top == -ENOENT)
    return 0;
  if (top == -EXDEV)
    return kata_error__set (err, KATA_E_BUSY, name, "remove \"%s\": something is still mounted there", name);
  if (top < 0 && unlinkat (dirfd, name, 0) == 0)
    return 0;
  if (top < 0)
    return kata_error__errno (err, KATA_E_IO, name, -top, "remove \"%s\"", name);
  removal.top = top;
  sweep (&removal);
  if (removal.failure == 0 && unlinkat (dirfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
    note_failure (&removal, name, errno);
  return result (&removal, name, err);
}

int
kata_tree__empty (int fd, const char *keep, kata_error **err)
{
  struct removal removal = { .top = fd, .keep = keep };
  sweep (&removal);
  return result (&removal, "the directory", err);
}
