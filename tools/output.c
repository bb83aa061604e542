/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* output: what katactl says: one-line errors on stderr (JSON with --json), JSON texts on stdout. */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *
output_plain (const char *text)
{
  char *copy = g_utf8_make_valid (text ? text : "", -1);
  for (char *c = copy; *c; c++)
    if ((unsigned char) *c < 0x20 || *c == 0x7f)
      *c = ' ';
  return copy;
}

static void
write_all (int fd, const char *text)
{
  size_t left = strlen (text);
  while (left > 0) {
    ssize_t n = write (fd, text, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return; /* nobody listens: there is no better place to complain */
    text += n;
    left -= (size_t) n;
  }
}

static char *
builder_text (JsonBuilder *builder, gboolean pretty)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, pretty);
  char *text = json_generator_to_data (generator, NULL);
  json_node_unref (root);
  return text;
}

static char *
error_json (const char *code, const char *message, const char *key, int exit_code)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "error");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "code");
  json_builder_add_string_value (builder, code);
  json_builder_set_member_name (builder, "message");
  json_builder_add_string_value (builder, message);
  if (key) {
    json_builder_set_member_name (builder, "key");
    json_builder_add_string_value (builder, key);
  }
  json_builder_set_member_name (builder, "exit_code");
  json_builder_add_int_value (builder, exit_code);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  return builder_text (builder, FALSE);
}

/* A supervisor has no terminal: before it has reported, its errors go to the katactl that waits for it, which prints them. */
static int
say_error (ctl *ctl, const char *code, const char *text, const char *key, int exit_code)
{
  g_autofree char *message = output_plain (text);
  g_autofree char *line = NULL;
  if (ctl->json) {
    g_autofree char *json = error_json (code, message, key, exit_code);
    line = g_strdup_printf ("%s\n", json);
  } else {
    line = g_strdup_printf ("katactl: error: %s\n", message);
  }
  if (ctl->report_fd >= 0) {
    g_autofree char *report = g_strdup_printf ("error %d %s", exit_code, line);
    write_all (ctl->report_fd, report);
  } else {
    fflush (stdout);
    write_all (STDERR_FILENO, line);
  }
  return exit_code;
}

static int
say_kata_error (ctl *ctl, int exit_code, const char *what, const kata_error *err)
{
  const char *message = kata_error_get_message (err);
  if (!message)
    message = "unknown error";
  g_autofree char *text = what ? g_strdup_printf ("%s: %s", what, message) : g_strdup (message);
  return say_error (ctl, kata_error_code_name (kata_error_get_code (err)), text, kata_error_get_key (err), exit_code);
}

int
output_error (ctl *ctl, const char *what, const kata_error *err)
{
  return say_kata_error (ctl, CTL_FAILED, what, err);
}

int
output_error_as (ctl *ctl, int exit_code, const kata_error *err)
{
  return say_kata_error (ctl, exit_code, NULL, err);
}

int
output_fail (ctl *ctl, int exit_code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  const char *code = exit_code == CTL_TIMED_OUT ? "timeout" : exit_code == CTL_NO_PROGRAM ? "not-found" : "failed";
  return say_error (ctl, code, text, NULL, exit_code);
}

int
output_usage (ctl *ctl, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *whole = g_strdup_printf ("%s; see 'katactl%s%s --help'", text, ctl->command ? " " : "",
                                            ctl->command ? ctl->command->name : "");
  return say_error (ctl, "usage", whole, NULL, CTL_USAGE);
}

void
output_note (ctl *ctl, const char *format, ...)
{
  if (ctl->json)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *plain = output_plain (text);
  g_autofree char *line = g_strdup_printf ("%skatactl: %s\n", ctl->report_fd >= 0 ? "note " : "", plain);
  write_all (ctl->report_fd >= 0 ? ctl->report_fd : STDERR_FILENO, line);
}

void
output_text (ctl *ctl, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line; line++) {
    if (!**line)
      continue;
    g_autofree char *whole = g_strdup_printf ("%s%s\n", ctl->report_fd >= 0 ? "note " : "", *line);
    write_all (ctl->report_fd >= 0 ? ctl->report_fd : STDERR_FILENO, whole);
  }
}

void
output_log (void *data, int level, const char *message)
{
  static const char *const names[] = { "error", "warning", "info", "debug" };
  ctl *ctl = data;
  g_autofree char *plain = output_plain (message);
  const char *name = level >= 0 && level < (int) G_N_ELEMENTS (names) ? names[level] : "log";
  g_autofree char *line = g_strdup_printf ("%skatactl: %s: %s\n", ctl->report_fd >= 0 ? "note " : "", name, plain);
  write_all (ctl->report_fd >= 0 ? ctl->report_fd : STDERR_FILENO, line);
}

int
output_json_text (ctl *ctl, const char *json)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  if (!json_parser_load_from_data (parser, json, -1, &error))
    return output_fail (ctl, CTL_FAILED, "the library returned text that is not JSON: %s", error->message);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  json_generator_set_root (generator, json_parser_get_root (parser));
  json_generator_set_pretty (generator, TRUE);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  printf ("%s\n", text);
  return CTL_OK;
}

int
output_json_builder (JsonBuilder *builder)
{
  g_autofree char *text = builder_text (builder, TRUE);
  printf ("%s\n", text);
  g_object_unref (builder);
  return CTL_OK;
}

void
output_done (ctl *ctl, const char *id, const char *verb)
{
  if (!ctl->json)
    return;
  JsonBuilder *builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "id");
  json_builder_add_string_value (builder, id);
  json_builder_set_member_name (builder, "done");
  json_builder_add_string_value (builder, verb);
  json_builder_end_object (builder);
  g_autofree char *text = builder_text (builder, FALSE);
  printf ("%s\n", text);
  g_object_unref (builder);
}
