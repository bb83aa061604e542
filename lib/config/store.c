/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store: moves values between texts, TOML and the structs, as the key table says; reads no file. */
#include "config/store.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS_MAX 1024
#define STRING_MAX  16384

static void *
field (void *base, const struct kata_key *key)
{
  return (char *) base + key->offset;
}

const struct kata_key *
kata_store__find (enum kata_key_section section, const char *name)
{
  for (const struct kata_key *key = kata_keys__of (section); key->name != NULL; key++)
    if (strcmp (key->name, name) == 0 || (key->alias != NULL && strcmp (key->alias, name) == 0))
      return key;
  return NULL;
}

/* Levenshtein's distance, with rows of fixed length: longer names are not near anything. */
static size_t
distance (const char *a, const char *b)
{
  size_t row[65], la = strlen (a), lb = strlen (b);
  if (la > 64 || lb > 64)
    return SIZE_MAX;
  for (size_t j = 0; j <= lb; j++)
    row[j] = j;
  for (size_t i = 1; i <= la; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= lb; j++) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
    }
  }
  return row[lb];
}

const char *
kata_store__nearest (enum kata_key_section section, const char *name)
{
  const char *best = NULL;
  size_t least = strlen (name) / 3 + 2;
  for (const struct kata_key *key = kata_keys__of (section); key->name != NULL; key++) {
    size_t d = distance (name, key->name);
    if (d < least) {
      least = d;
      best = key->name;
    }
  }
  return best;
}

char *
kata_store__allowed (const struct kata_key *key)
{
  static const char *const names[] = { "true or false", "a whole number",    "a number",
                                       "a string",      "a list of strings", "a table" };
  if (key->oneof != NULL) {
    g_autofree char *list = g_strjoinv ("\", \"", (char **) key->oneof);
    return g_strdup_printf ("one of \"%s\"", list);
  }
  if (key->min != 0 || key->max != 0)
    return g_strdup_printf ("%s from %.15g to %.15g", names[key->type], key->min, key->max);
  if ((key->flags & KATA_KEY_PATH) != 0)
    return g_strdup ("an absolute path or \"\"");
  return g_strdup (names[key->type]);
}

static int
refuse (kata_error **err, const struct kata_key *key, const char *full_key, const char *where, const char *given)
{
  g_autofree char *allowed = kata_store__allowed (key);
  return kata_error__set (err, KATA_E_CONFIG, full_key, "%s%s: %s given; %s is allowed", where, full_key, given,
                          allowed);
}

static gboolean
string_is_fine (const struct kata_key *key, const char *text, size_t len)
{
  if (strlen (text) != len || len > STRING_MAX)
    return FALSE;
  for (const char *p = text; *p != '\0'; p++)
    if ((unsigned char) *p < 0x20)
      return FALSE;
  if (key->oneof != NULL)
    return g_strv_contains (key->oneof, text);
  return (key->flags & KATA_KEY_PATH) == 0 || *text == '\0' || *text == '/';
}

static gboolean
number_is_fine (const struct kata_key *key, double number)
{
  return isfinite (number) && ((key->min == 0 && key->max == 0) || (number >= key->min && number <= key->max));
}

static void
put_string (void *at, const char *text)
{
  char **slot = at;
  g_free (*slot);
  *slot = g_strdup (text);
}

static void
put_strings (void *at, char **strings)
{
  char ***slot = at;
  g_strfreev (*slot);
  *slot = strings;
}

/* The value in a few words, for the error. */
static char *
describe (const toml_value *value)
{
  switch (toml_value_type (value)) {
  case TOML_STRING: {
    g_autofree char *start = g_strndup (toml_value_string (value, NULL), 60);
    return g_strdup_printf ("string \"%s\"", start);
  }
  case TOML_INTEGER:
    return g_strdup_printf ("integer %" G_GINT64_FORMAT, toml_value_integer (value));
  case TOML_FLOAT:
    return g_strdup_printf ("float %.15g", toml_value_float (value));
  case TOML_BOOLEAN:
    return g_strdup_printf ("boolean %s", toml_value_boolean (value) ? "true" : "false");
  default:
    return g_strdup_printf ("%s", toml_type_name (toml_value_type (value)));
  }
}

static gboolean
take_strings (const struct kata_key *key, const toml_value *value, char ***out)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  size_t n = toml_array_length (value);
  if (n > STRINGS_MAX)
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    size_t len = 0;
    const toml_value *item = toml_array_get (value, i);
    const char *text = toml_value_type (item) == TOML_STRING ? toml_value_string (item, &len) : NULL;
    if (text == NULL || !string_is_fine (key, text, len))
      return FALSE;
    g_ptr_array_add (list, g_strdup (text));
  }
  g_ptr_array_add (list, NULL);
  *out = (char **) g_ptr_array_steal (list, NULL);
  return TRUE;
}

/* Checks the value; stores it unless the key is one that we do not act on. */
static gboolean
take (void *base, const struct kata_key *key, const toml_value *value)
{
  enum toml_type type = toml_value_type (value);
  gboolean used = key->offset != KATA_KEY_UNUSED;
  double number = type == TOML_INTEGER ? (double) toml_value_integer (value) : toml_value_float (value);
  char **strings = NULL;
  const char *text;
  size_t len = 0;
  switch (key->type) {
  case KATA_KEY_BOOL:
    if (type == TOML_BOOLEAN && used)
      *(int32_t *) field (base, key) = toml_value_boolean (value);
    return type == TOML_BOOLEAN;
  case KATA_KEY_INT:
    if (type != TOML_INTEGER || !number_is_fine (key, number))
      return FALSE;
    if (used)
      *(int64_t *) field (base, key) = toml_value_integer (value);
    return TRUE;
  case KATA_KEY_FLOAT:
    if ((type != TOML_INTEGER && type != TOML_FLOAT) || !number_is_fine (key, number))
      return FALSE;
    if (used)
      *(double *) field (base, key) = number;
    return TRUE;
  case KATA_KEY_STRING:
    text = type == TOML_STRING ? toml_value_string (value, &len) : NULL;
    if (text == NULL || !string_is_fine (key, text, len))
      return FALSE;
    if (used)
      put_string (field (base, key), text);
    return TRUE;
  case KATA_KEY_STRINGS:
    if (type != TOML_ARRAY || !take_strings (key, value, &strings))
      return FALSE;
    if (used)
      put_strings (field (base, key), strings);
    else
      g_strfreev (strings);
    return TRUE;
  case KATA_KEY_TABLE:
    return type == TOML_TABLE || type == TOML_ARRAY;
  }
  return FALSE;
}

int
kata_store__set (void *base, const struct kata_key *key, const char *full_key, const char *where,
                 const toml_value *value, kata_error **err)
{
  if (take (base, key, value))
    return 0;
  g_autofree char *given = describe (value);
  return refuse (err, key, full_key, where, given);
}

/* An annotation's text as the TOML that it would be. */
int
kata_store__set_text (void *base, const struct kata_key *key, const char *full_key, const char *text, kata_error **err)
{
  g_autoptr (GString) line = g_string_new ("v = ");
  toml_document *document = NULL;
  gboolean quoted = key->type == KATA_KEY_STRING;
  int r = KATA_E_CONFIG;
  if (quoted && strpbrk (text, "\\\n\r\t\"") != NULL)
    return refuse (err, key, full_key, "", "a text with quotes or control characters");
  if (quoted)
    g_string_append_printf (line, "\"%s\"", text);
  else
    g_string_append (line, text);
  if (strchr (text, '\n') == NULL && toml_parse (&document, line->str, line->len, NULL, NULL) == 0 &&
      toml_table_length (toml_document_root (document)) == 1)
    r = kata_store__set (base, key, full_key, "", toml_table_get (toml_document_root (document), "v"), err);
  else {
    g_autofree char *given = g_strdup_printf ("\"%.60s\"", text);
    r = refuse (err, key, full_key, "", given);
  }
  toml_document_free (document);
  return r;
}

void
kata_store__init (void *base, enum kata_key_section section)
{
  for (const struct kata_key *key = kata_keys__of (section); key->name != NULL; key++) {
    if (key->offset == KATA_KEY_UNUSED)
      continue;
    g_autofree char *line = g_strdup_printf ("v = %s", key->fallback);
    toml_document *document = NULL;
    if (toml_parse (&document, line, strlen (line), NULL, NULL) == 0)
      take (base, key, toml_table_get (toml_document_root (document), "v"));
    toml_document_free (document);
  }
}

void
kata_store__copy (void *to, const void *from, enum kata_key_section section)
{
  for (const struct kata_key *key = kata_keys__of (section); key->name != NULL; key++) {
    if (key->offset == KATA_KEY_UNUSED)
      continue;
    const void *source = (const char *) from + key->offset;
    if (key->type == KATA_KEY_BOOL)
      *(int32_t *) field (to, key) = *(const int32_t *) source;
    else if (key->type == KATA_KEY_INT)
      *(int64_t *) field (to, key) = *(const int64_t *) source;
    else if (key->type == KATA_KEY_FLOAT)
      *(double *) field (to, key) = *(const double *) source;
    else if (key->type == KATA_KEY_STRING)
      put_string (field (to, key), *(char *const *) source);
    else if (key->type == KATA_KEY_STRINGS)
      put_strings (field (to, key), g_strdupv (*(char **const *) source));
  }
}

void
kata_store__clear (void *base, enum kata_key_section section)
{
  for (const struct kata_key *key = kata_keys__of (section); key->name != NULL; key++) {
    if (key->offset == KATA_KEY_UNUSED)
      continue;
    if (key->type == KATA_KEY_STRING)
      g_free (*(char **) field (base, key));
    else if (key->type == KATA_KEY_STRINGS)
      g_strfreev (*(char ***) field (base, key));
  }
}
