/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-read: typed reading of a parsed tree, where the first mistake wins and carries its JSON path. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

const char *
kata_json__type_name (int type)
{
  static const char *const names[] = { "null", "a boolean", "a number", "a string", "an array", "an object" };
  return type >= 0 && type < (int) G_N_ELEMENTS (names) ? names[type] : "unknown";
}

static bool
is_plain_name (const char *name)
{
  if (*name == '\0' || g_ascii_isdigit (*name))
    return false;
  for (; *name != '\0'; name++)
    if (!g_ascii_isalnum (*name) && *name != '_')
      return false;
  return true;
}

char *
kata_json__path (const kata_json *value)
{
  /* Depth is bounded by the parser, so that this is too. */
  g_autoptr (GPtrArray) chain = g_ptr_array_new ();
  for (; value != NULL && value->parent != NULL; value = value->parent)
    g_ptr_array_add (chain, (gpointer) value);

  GString *path = g_string_new ("$");
  for (guint i = chain->len; i > 0; i--) {
    const kata_json *step = g_ptr_array_index (chain, i - 1);
    if (step->name == NULL) {
      g_string_append_printf (path, "[%u]", step->index);
    } else if (is_plain_name (step->name)) {
      g_string_append_printf (path, ".%.64s", step->name);
    } else {
      g_autofree char *shown = g_strescape (step->name, NULL);
      g_string_append_printf (path, "[\"%.64s\"]", shown);
    }
  }
  return g_string_free (path, FALSE);
}

static int G_GNUC_PRINTF (4, 0)
    fail_at (struct kata_json_reader *r, int code, const char *path, const char *format, va_list args)
{
  if (r->result == 0) {
    g_autofree char *why = g_strdup_vprintf (format, args);
    r->result = kata_error__set (r->err, code, path, "%s: %s", path, why);
  }
  return r->result;
}

int
kata_json__fail (struct kata_json_reader *r, const kata_json *value, const char *format, ...)
{
  va_list args;
  g_autofree char *path = kata_json__path (value);
  va_start (args, format);
  int rc = fail_at (r, r->code, path, format, args);
  va_end (args);
  return rc;
}

static int G_GNUC_PRINTF (3, 4) fail_limit (struct kata_json_reader *r, const kata_json *value, const char *format, ...)
{
  va_list args;
  g_autofree char *path = kata_json__path (value);
  va_start (args, format);
  int rc = fail_at (r, KATA_E_LIMIT, path, format, args);
  va_end (args);
  return rc;
}

int
kata_json__missing (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  if (r->result == 0) {
    g_autofree char *parent = kata_json__path (object);
    g_autofree char *path = g_strdup_printf ("%s.%s", parent, name);
    r->result = kata_error__set (r->err, r->code, path, "%s: is missing", path);
  }
  return r->result;
}

void
kata_json__warn (struct kata_json_reader *r, const kata_json *value, const char *format, ...)
{
  if (r->warnings == NULL || r->warnings->len >= KATA_JSON_WARNINGS_MAX)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *path = kata_json__path (value);
  g_ptr_array_add (r->warnings, kata_arena__printf (r->arena, "%s: %s", path, why));
}

void
kata_json__warn_unknown (struct kata_json_reader *r, const kata_json *object, const char *const *known)
{
  for (const kata_json *member = object != NULL ? object->first : NULL; member != NULL; member = member->next)
    if (!g_strv_contains (known, member->name))
      kata_json__warn (r, member, "is not known and has no effect");
}

const kata_json *
kata_json__get (const kata_json *object, const char *name)
{
  if (object == NULL || object->type != KATA_JSON_OBJECT)
    return NULL;
  for (const kata_json *member = object->first; member != NULL; member = member->next)
    if (strcmp (member->name, name) == 0)
      return member->type != KATA_JSON_NULL ? member : NULL;
  return NULL;
}

bool
kata_json__is (struct kata_json_reader *r, const kata_json *value, int type)
{
  if (value == NULL || r->result < 0)
    return false;
  if (value->type != type) {
    kata_json__fail (r, value, "is %s; %s is expected", kata_json__type_name (value->type),
                     kata_json__type_name (type));
    return false;
  }
  if ((type == KATA_JSON_ARRAY || type == KATA_JSON_OBJECT) && r->items_max > 0 && value->n > r->items_max) {
    fail_limit (r, value, "has %u entries; at most %u are read", value->n, r->items_max);
    return false;
  }
  return true;
}

const char *
kata_json__string (struct kata_json_reader *r, const kata_json *value)
{
  if (!kata_json__is (r, value, KATA_JSON_STRING))
    return NULL;
  size_t len = strlen (value->text);
  if (r->strings_max > 0 && len > r->strings_max) {
    fail_limit (r, value, "has %zu bytes; at most %u are read", len, r->strings_max);
    return NULL;
  }
  return value->text;
}

/* An integer as JSON may write it: 5, but also 5.0 and 5e0, which some writers make of it. */
static bool
is_integer_text (const char *text)
{
  return strpbrk (text, ".eE") == NULL;
}

int64_t
kata_json__i64 (struct kata_json_reader *r, const kata_json *value, int64_t min, int64_t max)
{
  if (!kata_json__is (r, value, KATA_JSON_NUMBER))
    return 0;
  errno = 0;
  int64_t number = g_ascii_strtoll (value->text, NULL, 10);
  if (!is_integer_text (value->text)) {
    kata_json__fail (r, value, "is %.40s; an integer is expected", value->text);
    return 0;
  }
  if (errno != 0 || number < min || number > max) {
    kata_json__fail (r, value, "is %.40s; an integer from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " is expected",
                     value->text, min, max);
    return 0;
  }
  return number;
}

uint64_t
kata_json__u64 (struct kata_json_reader *r, const kata_json *value, uint64_t max)
{
  if (!kata_json__is (r, value, KATA_JSON_NUMBER))
    return 0;
  errno = 0;
  /* strtoull takes "-1" for 2^64 - 1. */
  bool negative = value->text[0] == '-';
  uint64_t number = g_ascii_strtoull (value->text, NULL, 10);
  if (!is_integer_text (value->text)) {
    kata_json__fail (r, value, "is %.40s; an integer is expected", value->text);
    return 0;
  }
  if (errno != 0 || negative || number > max) {
    kata_json__fail (r, value, "is %.40s; an integer from 0 to %" G_GUINT64_FORMAT " is expected", value->text, max);
    return 0;
  }
  return number;
}

const kata_json *
kata_json__get_object (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return kata_json__is (r, value, KATA_JSON_OBJECT) ? value : NULL;
}

const kata_json *
kata_json__get_array (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return kata_json__is (r, value, KATA_JSON_ARRAY) ? value : NULL;
}

const char *
kata_json__get_string (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  return kata_json__string (r, kata_json__get (object, name));
}

const char *
kata_json__get_string_required (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  if (value == NULL && object != NULL)
    kata_json__missing (r, object, name);
  return kata_json__string (r, value);
}

bool
kata_json__get_bool (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const kata_json *value = kata_json__get (object, name);
  return kata_json__is (r, value, KATA_JSON_BOOL) && value->truth;
}

int64_t
kata_json__get_i64 (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  return kata_json__i64 (r, kata_json__get (object, name), INT64_MIN, INT64_MAX);
}

uint64_t
kata_json__get_u64 (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  return kata_json__u64 (r, kata_json__get (object, name), UINT64_MAX);
}

int32_t
kata_json__get_i32 (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  return (int32_t) kata_json__i64 (r, kata_json__get (object, name), INT32_MIN, INT32_MAX);
}

uint32_t
kata_json__get_u32 (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  return (uint32_t) kata_json__u64 (r, kata_json__get (object, name), UINT32_MAX);
}

char **
kata_json__get_strv (struct kata_json_reader *r, const kata_json *object, const char *name)
{
  const kata_json *array = kata_json__get_array (r, object, name);
  if (array == NULL)
    return NULL;
  char **strv = kata_arena__new0 (r->arena, char *, (size_t) array->n + 1);
  size_t n = 0;
  for (const kata_json *item = array->first; item != NULL; item = item->next)
    strv[n++] = (char *) kata_json__string (r, item);
  /* After a mistake the list may have holes; nobody shall see it. */
  return r->result == 0 ? strv : NULL;
}
