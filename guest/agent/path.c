/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* path: link-free opening, making and removing below known directories; decides nothing about what may be where. */
#include "path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mem.h"

#define REMOVE_DEPTH_MAX 64

int
path_id_is_valid (const char *id)
{
  size_t len = id ? strnlen (id, PATH_ID_MAX + 1) : 0;
  if (len == 0 || len > PATH_ID_MAX || !isalnum ((unsigned char) id[0]))
    return 0;
  for (size_t i = 1; i < len; i++)
    if (!isalnum ((unsigned char) id[i]) && !strchr ("_.-", id[i]))
      return 0;
  return 1;
}

int
path_is_clean (const char *path)
{
  if (!path || path[0] != '/' || strlen (path) > PATH_TEXT_MAX)
    return 0;
  for (const char *part = path + 1; *part;) {
    size_t len = strcspn (part, "/");
    if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
      return 0;
    part += len;
    if (*part == '/')
      part++;
  }
  return 1;
}

static int
open_how (int base, const char *path, int flags, mode_t mode, uint64_t resolve)
{
  struct open_how how = { .flags = (uint64_t) (flags | O_CLOEXEC), .mode = mode, .resolve = resolve };
  return (int) syscall (SYS_openat2, base, path, &how, sizeof how);
}

int
path_open (int base, const char *path, int flags, mode_t mode)
{
  return open_how (base, path, flags, mode, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int
path_open_beneath (int base, const char *path, int flags, mode_t mode)
{
  return open_how (base, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int
path_make_beneath (int base, const char *path, mode_t mode)
{
  auto_fd int at = open_how (base, ".", O_PATH | O_DIRECTORY, 0, 0);
  char name[256];
  while (at >= 0 && *path) {
    size_t len = strcspn (path, "/");
    if (len >= sizeof name) {
      errno = ENAMETOOLONG;
      return -1;
    }
    memcpy (name, path, len);
    name[len] = 0;
    path += len;
    while (*path == '/')
      path++;
    if (len == 0)
      continue;
    if (mkdirat (at, name, mode) < 0 && errno != EEXIST)
      return -1;
    int next = path_open_beneath (at, name, O_PATH | O_DIRECTORY, 0);
    close (at);
    at = next;
  }
  return fd_steal (&at);
}

int
path_make_directory (const char *path, mode_t mode, struct fault *fault)
{
  if (!path_is_clean (path))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "path \"%.200s\" is not absolute and normalised", text_of (path));
  auto_fd int root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = root < 0 ? -1 : path_make_beneath (root, path + 1, mode);
  if (fd < 0)
    return fault_errno (fault, "cannot make directory %.200s", path);
  return fd;
}

int
path_make_file (const char *path, struct fault *fault)
{
  const char *name = path_is_clean (path) ? strrchr (path, '/') + 1 : "";
  if (!*name)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "path \"%.200s\" is not a normalised path of a file",
                      text_of (path));
  auto_free char *directory = mem_text (path);
  directory[name - path - (name - path > 1)] = 0;
  auto_fd int parent = path_make_directory (directory, 0755, fault);
  if (parent < 0)
    return -1;
  auto_fd int made = path_open_beneath (parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
  int fd = made < 0 ? -1 : path_open_beneath (parent, name, O_PATH | O_NOFOLLOW, 0);
  return fd < 0 ? fault_errno (fault, "cannot make file %.200s", path) : fd;
}

/* @fd is consumed. */
static void
remove_content (int fd, dev_t device, int depth)
{
  DIR *dir = fdopendir (fd);
  struct dirent *entry;
  struct stat st;
  if (!dir) {
    close (fd);
    return;
  }
  while ((entry = readdir (dir))) {
    if (text_is (entry->d_name, ".") || text_is (entry->d_name, ".."))
      continue;
    if (fstatat (fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
      continue; /* something is mounted there: not ours to empty */
    if (!S_ISDIR (st.st_mode)) {
      unlinkat (fd, entry->d_name, 0);
      continue;
    }
    int sub = depth < REMOVE_DEPTH_MAX ? path_open_beneath (fd, entry->d_name, O_RDONLY | O_DIRECTORY, 0) : -1;
    if (sub >= 0)
      remove_content (sub, device, depth + 1);
    unlinkat (fd, entry->d_name, AT_REMOVEDIR);
  }
  closedir (dir);
}

void
path_remove_tree (const char *path)
{
  struct stat st;
  struct statfs fs;
  int fd = path_open (AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0)
    return;
  /* A share of the host that did not let itself be unmounted must not be emptied. */
  int own = fstatfs (fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
  if (own && fstat (fd, &st) == 0)
    remove_content (fd, st.st_dev, 0);
  else
    close (fd);
  rmdir (path);
}
