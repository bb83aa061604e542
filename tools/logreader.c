/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logreader: prints a detached container's output from its log files and follows them over a rotation. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "members.h"
#include "output.h"

#define RECORD_MAX (256 * 1024) /* bytes of one line on disk; our own are below 100 KiB */

struct log_reader {
  char *path;
  int fd;           /* of the file being read */
  gboolean drained; /* its end was seen after a newer file had been there */
  GString *pending; /* the beginning of a line */
};

log_reader *
log_reader_open (const char *directory)
{
  log_reader *reader = g_new0 (struct log_reader, 1);
  reader->path = g_build_filename (directory, "log", NULL);
  reader->pending = g_string_new (NULL);
  g_autofree char *old = g_strconcat (reader->path, ".1", NULL);
  reader->fd = open (old, O_RDONLY | O_CLOEXEC);
  if (reader->fd < 0)
    reader->fd = open (reader->path, O_RDONLY | O_CLOEXEC);
  return reader;
}

void
log_reader_close (log_reader *reader)
{
  if (reader->fd >= 0)
    close (reader->fd);
  g_string_free (reader->pending, TRUE);
  g_free (reader->path);
  g_free (reader);
}

/* After the end of one file: is there a newer one? The old one is read once more then: its last lines may have come in between. */
static gboolean
next_file (log_reader *reader)
{
  struct stat now, ours;
  int fd = open (reader->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FALSE;
  if (reader->fd >= 0 && fstat (fd, &now) == 0 && fstat (reader->fd, &ours) == 0 && now.st_ino == ours.st_ino &&
      now.st_dev == ours.st_dev) {
    close (fd);
    return FALSE;
  }
  if (reader->fd >= 0 && !reader->drained) {
    reader->drained = TRUE;
    close (fd);
    return TRUE;
  }
  if (reader->fd >= 0)
    close (reader->fd);
  reader->fd = fd;
  reader->drained = FALSE;
  g_string_truncate (reader->pending, 0);
  return TRUE;
}

static int
print_record (const char *line, const log_print_options *options)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *record = members_parse (line, &parser);
  const char *text = members_string (record, "log"), *coded = members_string (record, "base64");
  const char *stream = members_string (record, "stream"), *time = members_string (record, "time");
  FILE *out = stream && strcmp (stream, "stderr") == 0 ? stderr : stdout;
  gsize length = text ? strlen (text) : 0;
  g_autofree guchar *bytes = !text && coded ? g_base64_decode (coded, &length) : NULL;
  if (options->timestamps && time)
    fprintf (out, "%s ", time);
  if (length > 0)
    fwrite (text ? (const void *) text : bytes, 1, length, out);
  return ferror (out) ? -1 : 0;
}

/* All whole lines that are there; each goes to @lines or is printed. */
static int64_t
read_lines (log_reader *reader, const log_print_options *options, GPtrArray *lines)
{
  char buffer[65536];
  int64_t printed = 0;
  if (reader->fd < 0 && !next_file (reader))
    return 0;
  for (;;) {
    ssize_t n = read (reader->fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 && !next_file (reader))
      return printed;
    if (n <= 0)
      continue;
    g_string_append_len (reader->pending, buffer, n);
    char *newline;
    gsize done = 0;
    while ((newline = memchr (reader->pending->str + done, '\n', reader->pending->len - done))) {
      *newline = 0;
      const char *line = reader->pending->str + done;
      if (lines)
        g_ptr_array_add (lines, g_strdup (line));
      else if (print_record (line, options) < 0)
        return -1;
      done = (gsize) (newline - reader->pending->str) + 1;
      printed++;
    }
    g_string_erase (reader->pending, 0, (gssize) done);
    if (reader->pending->len > RECORD_MAX)
      g_string_truncate (reader->pending, 0);
  }
}

int64_t
log_reader_print (log_reader *reader, const log_print_options *options)
{
  int64_t printed;
  if (options->tail == UINT32_MAX) {
    printed = read_lines (reader, options, NULL);
  } else {
    g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
    printed = read_lines (reader, options, lines);
    guint from = lines->len > options->tail ? lines->len - options->tail : 0;
    for (guint i = from; i < lines->len; i++)
      if (print_record (lines->pdata[i], options) < 0)
        return -1;
  }
  if (fflush (stdout) != 0 || fflush (stderr) != 0)
    return -1;
  return printed;
}
