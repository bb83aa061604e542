/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logfile: a detached container's output on disk: one JSON object per line, bounded by rotation; writing. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LIMIT   (10 * 1024 * 1024) /* bytes; there are two such files */
#define RECORD_TEXT 16384              /* bytes of output in one record, as other runtimes have it */

struct log_stream {
  sink sink; /* first: the sink's address is the stream's */
  struct logfile *logfile;
  const char *name;
  uint8_t held[4]; /* the beginning of a UTF-8 character whose end has not come yet */
  size_t n_held;
};

struct logfile {
  GMutex lock;
  char *path;
  int fd;
  int64_t size;
  struct log_stream streams[2];
};

static void
append_escaped (GString *line, const uint8_t *text, size_t length)
{
  for (size_t i = 0; i < length; i++) {
    uint8_t c = text[i];
    if (c == '"' || c == '\\')
      g_string_append_printf (line, "\\%c", c);
    else if (c == '\n')
      g_string_append (line, "\\n");
    else if (c < 0x20 || c == 0x7f)
      g_string_append_printf (line, "\\u%04x", c);
    else
      g_string_append_c (line, (char) c);
  }
}

/* {"log": text, "stream": name, "time": t} as json-file of other runtimes has it; what is no UTF-8, or has a
 * NUL in it, is kept as "base64" instead of "log". */
static void
append_record (GString *line, const char *name, const uint8_t *text, size_t length)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  if (g_utf8_validate_len ((const char *) text, length, NULL)) {
    g_string_append (line, "{\"log\":\"");
    append_escaped (line, text, length);
  } else {
    g_autofree char *coded = g_base64_encode (text, length);
    g_string_append_printf (line, "{\"base64\":\"%s", coded);
  }
  g_string_append_printf (line, "\",\"stream\":\"%s\",\"time\":\"%s.%06dZ\"}\n", name, time,
                          g_date_time_get_microsecond (now));
}

static int
open_log (logfile *logfile)
{
  struct stat st;
  logfile->fd = open (logfile->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (logfile->fd < 0 || fstat (logfile->fd, &st) < 0)
    return -1;
  logfile->size = st.st_size;
  return 0;
}

static void
rotate (logfile *logfile)
{
  g_autofree char *old = g_strconcat (logfile->path, ".1", NULL);
  if (rename (logfile->path, old) < 0)
    return; /* the file only grows a little more */
  close (logfile->fd);
  if (open_log (logfile) < 0)
    logfile->fd = -1;
}

static void
write_record (logfile *logfile, const char *name, const uint8_t *text, size_t length)
{
  g_autoptr (GString) line = g_string_sized_new (length + 96);
  append_record (line, name, text, length);
  if (logfile->fd >= 0 && logfile->size >= LOG_LIMIT)
    rotate (logfile);
  size_t done = 0;
  while (logfile->fd >= 0 && done < line->len) {
    ssize_t n = write (logfile->fd, line->str + done, line->len - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break; /* a full disk loses log lines, never the container */
    done += (size_t) n;
  }
  logfile->size += (int64_t) done;
}

/* How many bytes at the end are a UTF-8 character that is not whole yet; 0 when the end is whole or no UTF-8 anyway. */
static size_t
unfinished_tail (const uint8_t *text, size_t length)
{
  for (size_t back = 1; back <= 3 && back <= length; back++) {
    uint8_t c = text[length - back];
    if ((c & 0xc0) == 0x80)
      continue;
    size_t need = c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
    return c < 0xf8 && need > back ? back : 0;
  }
  return 0;
}

static int
log_write (sink *sink, const uint8_t *data, size_t length)
{
  struct log_stream *stream = (struct log_stream *) sink;
  g_autoptr (GByteArray) text = g_byte_array_new ();
  g_byte_array_append (text, stream->held, (guint) stream->n_held);
  g_byte_array_append (text, data, (guint) length);
  stream->n_held = unfinished_tail (text->data, text->len);
  memcpy (stream->held, text->data + text->len - stream->n_held, stream->n_held);
  size_t left = text->len - stream->n_held;
  const uint8_t *at = text->data;
  g_mutex_lock (&stream->logfile->lock);
  while (left > 0) {
    size_t part = MIN (left, RECORD_TEXT);
    const uint8_t *newline = memchr (at, '\n', part);
    if (newline)
      part = (size_t) (newline - at) + 1;
    else if (part < left)
      part -= unfinished_tail (at, part);
    write_record (stream->logfile, stream->name, at, part);
    at += part;
    left -= part;
  }
  g_mutex_unlock (&stream->logfile->lock);
  return 0;
}

logfile *
logfile_open (const char *directory)
{
  logfile *logfile = g_new0 (struct logfile, 1);
  g_mutex_init (&logfile->lock);
  logfile->path = g_build_filename (directory, "log", NULL);
  for (int i = 0; i < 2; i++)
    logfile->streams[i] = (struct log_stream){ .sink = { .write = log_write, .fd = -1 },
                                               .logfile = logfile,
                                               .name = i == 0 ? "stdout" : "stderr" };
  if (open_log (logfile) < 0) {
    int saved = errno;
    logfile_close (logfile);
    errno = saved;
    return NULL;
  }
  return logfile;
}

void
logfile_close (logfile *logfile)
{
  if (!logfile)
    return;
  for (int i = 0; i < 2 && logfile->fd >= 0; i++)
    if (logfile->streams[i].n_held > 0)
      write_record (logfile, logfile->streams[i].name, logfile->streams[i].held, logfile->streams[i].n_held);
  if (logfile->fd >= 0)
    close (logfile->fd);
  g_mutex_clear (&logfile->lock);
  g_free (logfile->path);
  g_free (logfile);
}

sink *
logfile_sink (logfile *logfile, int stream)
{
  return &logfile->streams[stream == KATA_STDERR].sink;
}
