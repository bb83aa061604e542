/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report: errors as engines read them: one line in the log file (JSON or text), one on standard error. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/oci.h"
#include "output.h"

static char *
log_line (oci *oci, const char *message)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
  if (g_strcmp0 (oci->log_format, "json") != 0) {
    g_autofree char *quoted = g_strescape (message, NULL);
    return g_strdup_printf ("time=\"%s\" level=error msg=\"%s\"\n", time, quoted);
  }
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "level");
  json_builder_add_string_value (builder, "error");
  json_builder_set_member_name (builder, "msg");
  json_builder_add_string_value (builder, message);
  json_builder_set_member_name (builder, "time");
  json_builder_add_string_value (builder, time);
  json_builder_end_object (builder);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  json_node_unref (root);
  return g_strconcat (text, "\n", NULL);
}

/* The engine names the file; what is not a plain file there (a link, a FIFO nobody reads) or has another name elsewhere is not written to. */
static void
append (const char *path, const char *line)
{
  struct stat st;
  int fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
  if (fd < 0)
    return;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_nlink <= 1 && write (fd, line, strlen (line)) < 0)
    fprintf (stderr, "kata-runtime: cannot write \"%s\": %s\n", path, g_strerror (errno));
  close (fd);
}

static int
say (oci *oci, int exit_code, const char *text)
{
  g_autofree char *message = output_plain (text);
  /* One line: engines read the whole file as one object. What comes after the first error is what came of it. */
  if (oci->log && *oci->log && !oci->said) {
    oci->said = 1;
    g_autofree char *line = log_line (oci, message);
    append (oci->log, line);
  }
  fflush (stdout);
  fprintf (stderr, "kata-runtime: %s\n", message);
  return exit_code;
}

int
oci_fail (oci *oci, int exit_code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  return say (oci, exit_code, text);
}

char *
oci_error_text (const kata_error *err)
{
  const char *message = kata_error_get_message (err), *key = kata_error_get_key (err);
  int code = kata_error_get_code (err);
  int about_program = key && strstr (key, "process.args") != NULL;
  if (!message)
    message = "unknown error";
  /* Engines make 127 and 126 of these words. */
  if (about_program && code == KATA_E_NOT_FOUND)
    return g_strdup_printf ("executable file not found in $PATH: %s", message);
  if (about_program && code == KATA_E_PERMISSION)
    return g_strdup_printf ("permission denied: %s", message);
  return g_strdup (message);
}

int
oci_error (oci *oci, int exit_code, const kata_error *err)
{
  g_autofree char *text = oci_error_text (err);
  return say (oci, exit_code, text);
}

/* The library's own lines: in the keeper they are the pod's log; a verb's standard error is the engine's, which takes it for a failure. */
static void
log_to_stderr (void *data, int level, const char *message)
{
  oci *oci = data;
  if (oci->keeping || oci->debug)
    fprintf (stderr, "kata-runtime: %s\n", message);
}

kata_runtime *
oci_runtime (oci *oci)
{
  oci->ctl.log = log_to_stderr;
  oci->ctl.log_data = oci;
  oci->ctl.log_level = oci->debug ? "debug" : NULL;
  if (oci->ctl.runtime)
    return oci->ctl.runtime;
  return ctl_runtime (&oci->ctl);
}
