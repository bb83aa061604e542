/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* say: whole lines, never blocking. */
#include "say.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kata/kata.h>

#define LINE_MAX_BYTES 2048

void
say_open (const char *bundle)
{
  g_autofree char *path = g_build_filename (bundle, "log", NULL);
  struct stat st;
  /* Both ways: it does not wait for a reader, and a containerd that goes away and comes back breaks nothing. */
  int fd = open (path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && (fstat (fd, &st) != 0 || !S_ISFIFO (st.st_mode) || dup2 (fd, STDERR_FILENO) < 0))
    fprintf (stderr, "%s: no FIFO\n", path);
  if (fd >= 0)
    close (fd);
}

static void
put (const char *level, const char *text)
{
  char line[LINE_MAX_BYTES];
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
  g_autofree char *escaped = g_strescape (text, NULL);
  int n = snprintf (line, sizeof line, "time=\"%s\" level=%s msg=\"%.1900s\" runtime=io.containerd.libkata.v2\n", time,
                    level, escaped);
  if (n > 0)
    (void) !write (STDERR_FILENO, line, MIN ((size_t) n, sizeof line - 1));
}

void
say (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  put ("warning", text);
}

void
say_failure (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  for (char *at = text; *at; at++)
    if (g_ascii_iscntrl (*at))
      *at = '?';
  fprintf (stderr, "%s\n", text);
}

void
say_library (void *user_data, int level, const char *message)
{
  static const char *const names[] = { "error", "warning", "info", "debug" };
  put (names[CLAMP (level, 0, (int) G_N_ELEMENTS (names) - 1)], message);
}
