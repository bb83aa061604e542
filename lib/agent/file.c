/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file: puts a file, directory or symbolic link into the guest, in pieces; used where no directory can be shared. */
#include "agent/call.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int
size_of (const struct kata_agent_file *file, uint64_t *size, kata_error **err)
{
  struct stat st;

  if (!S_ISREG (file->mode) && !S_ISDIR (file->mode) && !S_ISLNK (file->mode))
    return kata_error__set (err, KATA_E_INVALID, file->path, "agent: CopyFile: mode %o is no file, directory or link",
                            file->mode);
  *size = file->len;
  if (!S_ISREG (file->mode) || file->fd < 0)
    return 0;
  if (fstat (file->fd, &st) < 0)
    return kata_error__errno (err, KATA_E_IO, file->path, errno, "agent: CopyFile: the source's size");
  *size = (uint64_t) st.st_size;
  return 0;
}

/* The piece at @offset: from memory, or read into @buffer. Bytes, or a negative error. A file that shrinks meanwhile is an error. */
static int64_t
piece_get (const struct kata_agent_file *file, uint64_t offset, uint64_t size, uint8_t *buffer, const uint8_t **out,
           kata_error **err)
{
  size_t want = (size_t) MIN (size - offset, KATA_AGENT_PIECE);
  if (!S_ISREG (file->mode) || file->fd < 0) {
    *out = file->data == NULL ? NULL : (const uint8_t *) file->data + offset;
    return (int64_t) want;
  }
  *out = buffer;
  for (size_t got = 0; got < want;) {
    ssize_t n = pread (file->fd, buffer + got, want - got, (off_t) (offset + got));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return kata_error__errno (err, KATA_E_IO, file->path, errno, "agent: CopyFile: reading the source");
    if (n == 0)
      return kata_error__set (err, KATA_E_IO, file->path,
                              "agent: CopyFile: the source became shorter while it was read");
    got += (size_t) n;
  }
  return (int64_t) want;
}

static void
request_fill (Grpc__CopyFileRequest *request, const struct kata_agent_file *file, uint64_t size)
{
  request->path = (char *) file->path;
  request->has_file_size = request->has_file_mode = request->has_dir_mode = 1;
  request->has_uid = request->has_gid = request->has_offset = 1;
  request->file_size = S_ISREG (file->mode) ? (int64_t) size : 0;
  request->file_mode = file->mode;
  request->dir_mode = file->dir_mode;
  request->uid = file->uid;
  request->gid = file->gid;
}

int
kata_agent__copy_file (kata_agent *agent, const struct kata_agent_file *file, int64_t timeout_ms, kata_error **err)
{
  Grpc__CopyFileRequest request = GRPC__COPY_FILE_REQUEST__INIT;
  struct kata_agent_call call = { .method = "CopyFile", .about = file->path, .request = &request.base };
  int64_t deadline = kata_agent__deadline (timeout_ms == KATA_TIMEOUT_DEFAULT ? KATA_AGENT_TIMEOUT : timeout_ms);
  g_autofree uint8_t *buffer = NULL;
  uint64_t size, offset = 0;

  int r = size_of (file, &size, err);
  if (r < 0)
    return r;
  if (size > INT64_MAX || (!S_ISREG (file->mode) && size > KATA_AGENT_PIECE))
    return kata_error__set (err, KATA_E_LIMIT, file->path, "agent: CopyFile: too large");
  if (file->fd >= 0)
    buffer = g_malloc (KATA_AGENT_PIECE);
  request_fill (&request, file, size);
  do {
    const uint8_t *piece = NULL;
    int64_t len = piece_get (file, offset, size, buffer, &piece, err);
    if (len < 0)
      return (int) len;
    request.offset = (int64_t) offset;
    request.has_data = len > 0;
    request.data = (ProtobufCBinaryData){ (size_t) len, (uint8_t *) piece };
    call.timeout_ms = kata_agent__time_left (deadline);
    r = kata_agent__call (agent, &call, err);
    offset += (uint64_t) len;
  } while (r == 0 && offset < size);
  return r;
}
