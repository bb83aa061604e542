/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store: moves values between texts, TOML and the structs, as the key table says; reads no file. */
#include "config/store.h"

#include <math.h>
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
    return g_strdup_printf ("%s from %.15g to %.15g%s", names[key->type], key->min, key->max,
                            (key->flags & KATA_KEY_POWER2) != 0 ? " that is 0 or a power of two" : "");
  if ((key->flags & (KATA_KEY_PATH | KATA_KEY_GUEST_PATH)) != 0)
    return g_strdup ("an absolute path without \"..\", or \"\"");
  return g_strdup (names[key->type]);
}

static int
refuse (kata_error **err, const struct kata_key *key, const char *full_key, const char *where, const char *given)
{
  g_autofree char *allowed = kata_store__allowed (key);
  return kata_error__set (err, KATA_E_CONFIG, full_key, "%s%s: %s given; %s is allowed", where, full_key, given,
                          allowed);
}

/* No ".." either: what a path names shall be readable off the path, and globs shall mean what they say. */
static gboolean
path_is_fine (const char *text)
{
  return *text == '\0' || (*text == '/' && strstr (text, "/../") == NULL && !g_str_has_suffix (text, "/.."));
}

static gboolean
string_is_fine (const struct kata_key *key, const char *text, size_t len)
{
  if (strlen (text) != len || len > STRING_MAX || !g_utf8_validate (text, (gssize) len, NULL))
    return FALSE;
  for (const char *p = text; *p != '\0'; p++)
    if ((unsigned char) *p < 0x20 || *p == 0x7f)
      return FALSE;
  if (key->oneof != NULL)
    return g_strv_contains (key->oneof, text);
  return (key->flags & (KATA_KEY_PATH | KATA_KEY_GUEST_PATH)) == 0 || path_is_fine (text);
}

static gboolean
number_is_fine (const struct kata_key *key, double number)
{
  if (!isfinite (number) || ((key->min != 0 || key->max != 0) && (number < key->min || number > key->max)))
    return FALSE;
  return (key->flags & KATA_KEY_POWER2) == 0 || ((int64_t) number & ((int64_t) number - 1)) == 0;
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

/* A value on its way from a text into a struct; `kind` says which member counts. */
struct candidate {
  enum kata_key_type kind;
  gboolean truth;
  int64_t integer;
  double number;
  const char *string;
  size_t length;
  char **strings;
};

static gboolean
string_list (const toml_value *array, char ***out)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  size_t n = toml_array_length (array);
  if (n > STRINGS_MAX)
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    size_t len = 0;
    const char *text = toml_value_string (toml_array_get (array, i), &len);
    if (text == NULL || strlen (text) != len)
      return FALSE;
    g_ptr_array_add (list, g_strdup (text));
  }
  g_ptr_array_add (list, NULL);
  *out = (char **) g_ptr_array_steal (list, NULL);
  return TRUE;
}

/* FALSE for what no key can be: dates, arrays of other things than strings where strings are wanted. */
static gboolean
from_toml (struct candidate *c, enum kata_key_type wanted, const toml_value *value)
{
  switch (toml_value_type (value)) {
  case TOML_BOOLEAN:
    *c = (struct candidate){ .kind = KATA_KEY_BOOL, .truth = toml_value_boolean (value) };
    return TRUE;
  case TOML_INTEGER:
    *c = (struct candidate){ .kind = KATA_KEY_INT,
                             .integer = toml_value_integer (value),
                             .number = (double) toml_value_integer (value) };
    return TRUE;
  case TOML_FLOAT:
    *c = (struct candidate){ .kind = KATA_KEY_FLOAT, .number = toml_value_float (value) };
    return TRUE;
  case TOML_STRING:
    *c = (struct candidate){ .kind = KATA_KEY_STRING };
    c->string = toml_value_string (value, &c->length);
    return TRUE;
  case TOML_ARRAY:
    *c = (struct candidate){ .kind = wanted == KATA_KEY_TABLE ? KATA_KEY_TABLE : KATA_KEY_STRINGS };
    return wanted != KATA_KEY_STRINGS || string_list (value, &c->strings);
  case TOML_TABLE:
    *c = (struct candidate){ .kind = KATA_KEY_TABLE };
    return TRUE;
  default:
    return FALSE;
  }
}

/* Annotations are plain texts: lists are parted by semicolons, as in Kata. */
static gboolean
from_text (struct candidate *c, enum kata_key_type wanted, const char *text)
{
  char *end = NULL;
  *c = (struct candidate){ .kind = wanted, .string = text, .length = strlen (text) };
  switch (wanted) {
  case KATA_KEY_BOOL:
    c->truth = strcmp (text, "true") == 0;
    return c->truth || strcmp (text, "false") == 0;
  case KATA_KEY_INT:
    if (!g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &c->integer, NULL))
      return FALSE;
    c->number = (double) c->integer;
    return TRUE;
  case KATA_KEY_FLOAT:
    if (*text == '\0' || strspn (text, "0123456789.-") != c->length)
      return FALSE;
    c->number = g_ascii_strtod (text, &end);
    return *end == '\0';
  case KATA_KEY_STRINGS:
    c->strings = g_strsplit (text, ";", STRINGS_MAX);
    return TRUE; /* what is past the limit stays in the last item */
  default:
    return wanted == KATA_KEY_STRING;
  }
}

static gboolean
candidate_is_fine (const struct kata_key *key, const struct candidate *c)
{
  if (key->type != c->kind && !(key->type == KATA_KEY_FLOAT && c->kind == KATA_KEY_INT))
    return FALSE;
  if (c->kind == KATA_KEY_INT || c->kind == KATA_KEY_FLOAT)
    return number_is_fine (key, c->number);
  if (c->kind == KATA_KEY_STRING)
    return string_is_fine (key, c->string, c->length);
  for (char **item = c->kind == KATA_KEY_STRINGS ? c->strings : NULL; item != NULL && *item != NULL; item++)
    if (!string_is_fine (key, *item, strlen (*item)))
      return FALSE;
  return TRUE;
}

/* Checks the value and stores it, unless the key is one that we do not act on; frees what it has not stored. */
static gboolean
put (void *base, const struct kata_key *key, struct candidate *c)
{
  gboolean fine = candidate_is_fine (key, c);
  if (fine && key->offset != KATA_KEY_UNUSED) {
    void *at = field (base, key);
    if (key->type == KATA_KEY_BOOL)
      *(int32_t *) at = c->truth;
    else if (key->type == KATA_KEY_INT)
      *(int64_t *) at = c->integer;
    else if (key->type == KATA_KEY_FLOAT)
      *(double *) at = c->number;
    else if (key->type == KATA_KEY_STRING)
      put_string (at, c->string);
    else if (key->type == KATA_KEY_STRINGS)
      put_strings (at, g_steal_pointer (&c->strings));
  }
  g_strfreev (c->strings);
  return fine;
}

static gboolean
take (void *base, const struct kata_key *key, const toml_value *value)
{
  struct candidate c = { 0 };
  return from_toml (&c, key->type, value) && put (base, key, &c);
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

int
kata_store__set_text (void *base, const struct kata_key *key, const char *full_key, const char *text, kata_error **err)
{
  struct candidate c = { 0 };
  if (from_text (&c, key->type, text) && put (base, key, &c))
    return 0;
  g_autofree char *given = g_strdup_printf ("\"%.60s\"", text);
  return refuse (err, key, full_key, "", given);
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
