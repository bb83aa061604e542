/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-write: appends values to a text, with commas, escapes and indentation. */
#include "base/json-write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 1024

void
kata_json_write__init (struct kata_json_writer *w, bool pretty)
{
  *w = (struct kata_json_writer){ .pretty = pretty };
}

void
kata_json_write__clear (struct kata_json_writer *w)
{
  free (w->text);
  *w = (struct kata_json_writer){ .pretty = w->pretty, .limit = w->limit };
}

static void
fail (struct kata_json_writer *w)
{
  if (w->limit == 0)
    abort ();
  w->failed = true;
}

/* Makes room for @length more bytes and a NUL. */
static bool
reserve (struct kata_json_writer *w, size_t length)
{
  size_t need, size;
  if (w->failed)
    return false;
  if (__builtin_add_overflow (w->length, length, &need) || (w->limit != 0 && need > w->limit) ||
      __builtin_mul_overflow (need, 2, &size)) {
    fail (w);
    return false;
  }
  if (need < w->size)
    return true;
  size = size < SIZE_FIRST ? SIZE_FIRST : size;
  char *text = realloc (w->text, size);
  if (text == NULL) {
    fail (w);
    return false;
  }
  w->text = text;
  w->size = size;
  return true;
}

static void
put (struct kata_json_writer *w, const char *bytes, size_t length)
{
  if (!reserve (w, length))
    return;
  memcpy (w->text + w->length, bytes, length);
  w->length += length;
}

static void
put_text (struct kata_json_writer *w, const char *text)
{
  put (w, text, strlen (text));
}

char *
kata_json_write__finish (struct kata_json_writer *w)
{
  char *text = NULL;
  if (w->pretty)
    put (w, "\n", 1);
  if (reserve (w, 0)) {
    w->text[w->length] = '\0';
    text = w->text;
    w->text = NULL;
  }
  kata_json_write__clear (w);
  return text;
}

/* How many bytes the character at @s has; 0 if it is none. The NUL at the end continues nothing. */
static size_t
character (const unsigned char *s)
{
  size_t n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xC0) != 0x80)
      return 0;
  /* Longer than it need be, half a surrogate pair, beyond U+10FFFF. */
  if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
      (s[0] == 0xF4 && s[1] > 0x8F))
    return 0;
  return n;
}

/* The one character at @s of @length bytes (0 = not UTF-8), as JSON must or people would rather have it. */
static void
put_escaped (struct kata_json_writer *w, unsigned char c, size_t length)
{
  char escape[8];
  if (length == 0) {
    w->replaced = true;
    put_text (w, "\xEF\xBF\xBD");
    return;
  }
  if (c == '"' || c == '\\')
    snprintf (escape, sizeof escape, "\\%c", c);
  else if (c == '\n')
    snprintf (escape, sizeof escape, "\\n");
  else
    snprintf (escape, sizeof escape, "\\u%04x", c);
  put_text (w, escape);
}

static void
put_string (struct kata_json_writer *w, const char *value)
{
  const char *plain = value, *c = value;
  put (w, "\"", 1);
  while (*c != '\0') {
    size_t length = character ((const unsigned char *) c);
    if (length > 1 || (length == 1 && (unsigned char) *c >= 0x20 && *c != 0x7f && *c != '"' && *c != '\\')) {
      c += length;
      continue;
    }
    put (w, plain, (size_t) (c - plain));
    put_escaped (w, (unsigned char) *c, length);
    plain = ++c;
  }
  put (w, plain, (size_t) (c - plain));
  put (w, "\"", 1);
}

static void
new_line (struct kata_json_writer *w)
{
  if (!w->pretty)
    return;
  put (w, "\n", 1);
  for (unsigned i = 0; i < w->depth; i++)
    put (w, "  ", 2);
}

/* What stands in front of every value. */
static void
begin_value (struct kata_json_writer *w, const char *name)
{
  if (w->need_comma)
    put (w, ",", 1);
  if (w->depth > 0)
    new_line (w);
  if (name != NULL) {
    put_string (w, name);
    put_text (w, w->pretty ? ": " : ":");
  }
  w->need_comma = true;
}

static void
begin_container (struct kata_json_writer *w, const char *name, const char *bracket)
{
  begin_value (w, name);
  put (w, bracket, 1);
  w->depth++;
  w->need_comma = false;
}

static void
end_container (struct kata_json_writer *w, const char *bracket)
{
  bool empty = !w->need_comma;
  w->depth--;
  if (!empty)
    new_line (w);
  put (w, bracket, 1);
  w->need_comma = true;
}

void
kata_json_write__begin_object (struct kata_json_writer *w, const char *name)
{
  begin_container (w, name, "{");
}

void
kata_json_write__end_object (struct kata_json_writer *w)
{
  end_container (w, "}");
}

void
kata_json_write__begin_array (struct kata_json_writer *w, const char *name)
{
  begin_container (w, name, "[");
}

void
kata_json_write__end_array (struct kata_json_writer *w)
{
  end_container (w, "]");
}

void
kata_json_write__raw (struct kata_json_writer *w, const char *name, const char *json)
{
  begin_value (w, name);
  put_text (w, json);
}

void
kata_json_write__string (struct kata_json_writer *w, const char *name, const char *value)
{
  if (value == NULL) {
    kata_json_write__raw (w, name, "null");
    return;
  }
  begin_value (w, name);
  put_string (w, value);
}

void
kata_json_write__int (struct kata_json_writer *w, const char *name, int64_t value)
{
  char text[24];
  snprintf (text, sizeof text, "%" PRId64, value);
  kata_json_write__raw (w, name, text);
}

void
kata_json_write__uint (struct kata_json_writer *w, const char *name, uint64_t value)
{
  char text[24];
  snprintf (text, sizeof text, "%" PRIu64, value);
  kata_json_write__raw (w, name, text);
}

void
kata_json_write__bool (struct kata_json_writer *w, const char *name, bool value)
{
  kata_json_write__raw (w, name, value ? "true" : "false");
}

void
kata_json_write__null (struct kata_json_writer *w, const char *name)
{
  kata_json_write__raw (w, name, "null");
}

void
kata_json_write__strv (struct kata_json_writer *w, const char *name, const char *const *values)
{
  kata_json_write__begin_array (w, name);
  for (; values != NULL && *values != NULL; values++)
    kata_json_write__string (w, NULL, *values);
  kata_json_write__end_array (w);
}
