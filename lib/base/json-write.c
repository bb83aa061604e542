/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-write: appends values to a text, with commas and indentation. */
#include "base/json-write.h"

#include <inttypes.h>

#include "base/json-text.h"

void
kata_json_write__init (struct kata_json_writer *w, bool pretty)
{
  *w = (struct kata_json_writer){ .text = g_string_new (NULL), .pretty = pretty };
}

char *
kata_json_write__finish (struct kata_json_writer *w)
{
  if (w->pretty)
    g_string_append_c (w->text, '\n');
  char *text = g_string_free (w->text, FALSE);
  w->text = NULL;
  return text;
}

void
kata_json_write__clear (struct kata_json_writer *w)
{
  if (w->text != NULL)
    g_string_free (w->text, TRUE);
  w->text = NULL;
}

static void
new_line (struct kata_json_writer *w)
{
  if (!w->pretty)
    return;
  g_string_append_c (w->text, '\n');
  for (unsigned i = 0; i < w->depth; i++)
    g_string_append (w->text, "  ");
}

/* What stands in front of every value. */
static void
begin_value (struct kata_json_writer *w, const char *name)
{
  if (w->need_comma)
    g_string_append_c (w->text, ',');
  if (w->depth > 0)
    new_line (w);
  if (name != NULL) {
    kata_json__quote (w->text, name);
    g_string_append (w->text, w->pretty ? ": " : ":");
  }
  w->need_comma = true;
}

static void
begin_container (struct kata_json_writer *w, const char *name, char bracket)
{
  begin_value (w, name);
  g_string_append_c (w->text, bracket);
  w->depth++;
  w->need_comma = false;
}

static void
end_container (struct kata_json_writer *w, char bracket)
{
  bool empty = !w->need_comma;
  w->depth--;
  if (!empty)
    new_line (w);
  g_string_append_c (w->text, bracket);
  w->need_comma = true;
}

void
kata_json_write__begin_object (struct kata_json_writer *w, const char *name)
{
  begin_container (w, name, '{');
}

void
kata_json_write__end_object (struct kata_json_writer *w)
{
  end_container (w, '}');
}

void
kata_json_write__begin_array (struct kata_json_writer *w, const char *name)
{
  begin_container (w, name, '[');
}

void
kata_json_write__end_array (struct kata_json_writer *w)
{
  end_container (w, ']');
}

void
kata_json_write__string (struct kata_json_writer *w, const char *name, const char *value)
{
  begin_value (w, name);
  if (value != NULL)
    kata_json__quote (w->text, value);
  else
    g_string_append (w->text, "null");
}

void
kata_json_write__int (struct kata_json_writer *w, const char *name, int64_t value)
{
  begin_value (w, name);
  g_string_append_printf (w->text, "%" PRId64, value);
}

void
kata_json_write__uint (struct kata_json_writer *w, const char *name, uint64_t value)
{
  begin_value (w, name);
  g_string_append_printf (w->text, "%" PRIu64, value);
}

void
kata_json_write__bool (struct kata_json_writer *w, const char *name, bool value)
{
  begin_value (w, name);
  g_string_append (w->text, value ? "true" : "false");
}

void
kata_json_write__null (struct kata_json_writer *w, const char *name)
{
  kata_json_write__string (w, name, NULL);
}

void
kata_json_write__strv (struct kata_json_writer *w, const char *name, const char *const *values)
{
  kata_json_write__begin_array (w, name);
  for (; values != NULL && *values != NULL; values++)
    kata_json_write__string (w, NULL, *values);
  kata_json_write__end_array (w);
}
