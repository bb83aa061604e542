/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* copyfile: pieces go into a temporary name that becomes the file when it is whole; no link is ever followed. */
#include "copyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "mem.h"
#include "path.h"

#define COPY_SIZE_MAX (1ll << 30)

static int
fail (struct fault *fault, const char *path)
{
  return fault_errno (fault, "cannot copy to %.200s", path);
}

/* The directory that @path is in, and its last component. */
static int
open_parent (const char *path, mode_t mode, char name[256], struct fault *fault)
{
  const size_t base_len = sizeof AGENT_SHARED_DIR - 1;
  if (!path_is_clean (path) || !text_starts (path, AGENT_SHARED_DIR "/") || !path[base_len + 1])
    return fault_set (fault, TTRPC_INVALID_ARGUMENT,
                      "copy to \"%.200s\": not a normalised path below " AGENT_SHARED_DIR, path);
  auto_free char *below = mem_text (path + base_len + 1);
  size_t len = strlen (below);
  if (below[len - 1] == '/')
    below[len - 1] = 0;
  char *slash = strrchr (below, '/');
  const char *last = slash ? slash + 1 : below;
  if (strlen (last) > 240)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "copy to \"%.200s\": the name is too long", path);
  snprintf (name, 256, "%s", last);
  if (slash)
    *slash = 0;
  else
    below[0] = 0;
  auto_fd int base = path_make_directory (AGENT_SHARED_DIR, 0755, fault);
  if (base < 0)
    return -1;
  int parent = path_make_beneath (base, below, mode ? mode & 07777 : 0755);
  return parent < 0 ? fail (fault, path) : parent;
}

static int
make_directory (int parent, const char *name, const Grpc__CopyFileRequest *request, struct fault *fault)
{
  if (mkdirat (parent, name, 0700) < 0 && errno != EEXIST)
    return fail (fault, request->path);
  auto_fd int fd = path_open_beneath (parent, name, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0 || fchown (fd, (uid_t) request->uid, (gid_t) request->gid) < 0 ||
      fchmod (fd, request->file_mode & 07777) < 0)
    return fail (fault, request->path);
  return 0;
}

static int
make_link (int parent, const char *name, const Grpc__CopyFileRequest *request, struct fault *fault)
{
  char target[PATH_TEXT_MAX + 1];
  if (request->data.len == 0 || request->data.len > PATH_TEXT_MAX || memchr (request->data.data, 0, request->data.len))
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "copy to %.200s: not a link target", request->path);
  memcpy (target, request->data.data, request->data.len);
  target[request->data.len] = 0;
  unlinkat (parent, name, 0);
  if (symlinkat (target, parent, name) < 0 ||
      fchownat (parent, name, (uid_t) request->uid, (gid_t) request->gid, AT_SYMLINK_NOFOLLOW) < 0)
    return fail (fault, request->path);
  return 0;
}

static int
write_piece (int fd, const Grpc__CopyFileRequest *request)
{
  const uint8_t *at = request->data.data;
  size_t left = request->data.len;
  off_t offset = request->offset;
  while (left > 0) {
    ssize_t n = pwrite (fd, at, left, offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    at += n;
    left -= (size_t) n;
    offset += n;
  }
  return 0;
}

static int
write_file (int parent, const char *name, const Grpc__CopyFileRequest *request, struct fault *fault)
{
  char temporary[264];
  int64_t end = 0;
  if (request->file_size < 0 || request->file_size > COPY_SIZE_MAX || request->offset < 0 ||
      __builtin_add_overflow (request->offset, (int64_t) request->data.len, &end) || end > request->file_size)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "copy to %.200s: size or offset is out of range", request->path);
  snprintf (temporary, sizeof temporary, ".%s.part", name);
  if (request->offset == 0)
    unlinkat (parent, temporary, 0);
  auto_fd int fd = path_open_beneath (parent, temporary,
                                      O_WRONLY | O_NOFOLLOW | (request->offset == 0 ? O_CREAT | O_EXCL : 0), 0600);
  if (fd < 0)
    return fail (fault, request->path);
  int bad = write_piece (fd, request) < 0;
  if (!bad && end == request->file_size)
    bad = fchown (fd, (uid_t) request->uid, (gid_t) request->gid) < 0 || fchmod (fd, request->file_mode & 07777) < 0 ||
          renameat (parent, temporary, parent, name) < 0;
  if (bad) {
    fail (fault, request->path);
    unlinkat (parent, temporary, 0);
    return -1;
  }
  return 0;
}

int
copyfile_receive (const Grpc__CopyFileRequest *request, struct fault *fault)
{
  char name[256];
  auto_fd int parent = open_parent (text_of (request->path), request->dir_mode, name, fault);
  if (parent < 0)
    return -1;
  switch (request->file_mode & S_IFMT) {
  case S_IFDIR:
    return make_directory (parent, name, request, fault);
  case S_IFLNK:
    return make_link (parent, name, request, fault);
  case S_IFREG:
  case 0:
    return write_file (parent, name, request, fault);
  default:
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "copy to %.200s: file_mode %o is no file, directory or link",
                      request->path, request->file_mode);
  }
}
