/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode: stdin's TOML as the tagged JSON of the official test corpus; exit status 1 and a message when it is no TOML. */
#include <toml/toml.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_value (const toml_value *value);

static void
print_string (const char *text, size_t length)
{
  putchar ('"');
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char) text[i];
    if (c == '"' || c == '\\')
      printf ("\\%c", c);
    else if (c < 0x20 || c == 0x7F)
      printf ("\\u%04x", c);
    else
      putchar (c);
  }
  putchar ('"');
}

static void
print_table (const toml_value *table)
{
  struct toml_key key;
  putchar ('{');
  for (size_t i = 0; i < toml_table_length (table); i++) {
    const toml_value *value = toml_table_at (table, i, &key);
    if (i > 0)
      putchar (',');
    print_string (key.text, key.length);
    putchar (':');
    print_value (value);
  }
  putchar ('}');
}

static void
print_array (const toml_value *array)
{
  putchar ('[');
  for (size_t i = 0; i < toml_array_length (array); i++) {
    if (i > 0)
      putchar (',');
    print_value (toml_array_get (array, i));
  }
  putchar (']');
}

static void
print_float (double real)
{
  if (isnan (real))
    printf ("nan");
  else if (isinf (real))
    printf (real < 0 ? "-inf" : "inf");
  else
    printf ("%.17g", real);
}

static void
print_datetime (const toml_value *value)
{
  const struct toml_datetime *t = toml_value_datetime (value);
  enum toml_type type = toml_value_type (value);
  if (type != TOML_LOCAL_TIME)
    printf ("%04d-%02d-%02d", t->year, t->month, t->day);
  if (type == TOML_LOCAL_DATETIME || type == TOML_OFFSET_DATETIME)
    putchar ('T');
  if (type != TOML_LOCAL_DATE)
    printf ("%02d:%02d:%02d.%09d", t->hour, t->minute, t->second, t->nanosecond);
  if (type == TOML_OFFSET_DATETIME)
    printf ("%c%02d:%02d", t->offset_minutes < 0 ? '-' : '+', abs (t->offset_minutes) / 60,
            abs (t->offset_minutes) % 60);
}

static void
print_scalar (const toml_value *value)
{
  static const char *const tags[] = { "string",   "integer",        "float",      "bool",
                                      "datetime", "datetime-local", "date-local", "time-local" };
  size_t length;
  printf ("{\"type\":\"%s\",\"value\":", tags[toml_value_type (value)]);
  if (toml_value_type (value) == TOML_STRING) {
    const char *text = toml_value_string (value, &length);
    print_string (text, length);
    putchar ('}');
    return;
  }
  putchar ('"');
  if (toml_value_type (value) == TOML_INTEGER)
    printf ("%lld", (long long) toml_value_integer (value));
  else if (toml_value_type (value) == TOML_FLOAT)
    print_float (toml_value_float (value));
  else if (toml_value_type (value) == TOML_BOOLEAN)
    printf (toml_value_boolean (value) ? "true" : "false");
  else
    print_datetime (value);
  printf ("\"}");
}

static void
print_value (const toml_value *value)
{
  if (toml_value_type (value) == TOML_TABLE)
    print_table (value);
  else if (toml_value_type (value) == TOML_ARRAY)
    print_array (value);
  else
    print_scalar (value);
}

int
main (void)
{
  size_t room = 8u << 20;
  char *text = malloc (room);
  if (!text)
    return 2;
  size_t length = fread (text, 1, room, stdin);
  toml_document *document = NULL;
  struct toml_error error;
  int r = toml_parse (&document, text, length, NULL, &error);
  free (text);
  if (r < 0) {
    fprintf (stderr, "%u:%u: %s\n", error.line, error.column, error.message);
    return 1;
  }
  print_value (toml_document_root (document));
  putchar ('\n');
  toml_document_free (document);
  return 0;
}
