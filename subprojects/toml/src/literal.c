/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* literal: the right-hand side of the grammar: scalars, arrays and inline tables; statements are in parse.c. */
#include "parse.h"

#include <errno.h>
#include <string.h>

#include "datetime.h"
#include "number.h"
#include "quoted.h"
#include "tree.h"

static int
literal_string (struct toml__scanner *scanner, toml_value *value)
{
  int r = toml__string (scanner, 0);
  if (r < 0)
    return r;
  value->string.text = toml__arena_copy (&scanner->document->arena, scanner->buffer, scanner->length);
  value->string.length = scanner->length;
  return value->string.text ? 0 : toml__exhausted (scanner, value->place, -ENOMEM);
}

/* The separator in an array or inline table: 1 for a comma, 0 for the closing bracket. */
static int
literal_separator (struct toml__scanner *scanner, int closer, const char *expected)
{
  int byte = toml__peek (scanner);
  if (byte != ',' && byte != closer)
    return toml__unexpected (scanner, expected);
  toml__next (scanner);
  return byte == ',';
}

static int
literal_array (struct toml__scanner *scanner, toml_value *array)
{
  toml__next (scanner);
  for (;;) {
    toml_value *item;
    int r = toml__gap (scanner);
    if (r < 0)
      return r;
    if (toml__peek (scanner) == ']') {
      toml__next (scanner);
      return 0;
    }
    r = toml__value (scanner, array->depth, &item);
    if (r < 0)
      return r;
    r = toml__array_append (scanner->document, array, item);
    if (r < 0)
      return toml__exhausted (scanner, item->place, r);
    r = toml__gap (scanner);
    if (r < 0)
      return r;
    r = literal_separator (scanner, ']', "an array goes on with , or ends with ]");
    if (r <= 0)
      return r;
  }
}

static int
literal_table (struct toml__scanner *scanner, toml_value *table)
{
  toml__next (scanner);
  toml__blanks (scanner);
  if (toml__peek (scanner) == '}') {
    toml__next (scanner);
    return 0;
  }
  for (;;) {
    toml__blanks (scanner);
    int r = toml__pair (scanner, table);
    if (r < 0)
      return r;
    toml__blanks (scanner);
    r = literal_separator (scanner, '}', "an inline table goes on with , or ends with }, on the same line");
    if (r <= 0)
      return r;
  }
}

static int
is_word (int byte)
{
  return toml__is_digit (byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '+' ||
         byte == '-' || byte == '_' || byte == '.' || byte == ':';
}

/* true, 12, 1979-05-27 07:32:00: everything that is neither quoted nor bracketed. */
static int
literal_word (struct toml__scanner *scanner, toml_value *value)
{
  const char *word = (const char *) scanner->at;
  while (is_word (toml__peek (scanner)))
    toml__next (scanner);
  size_t length = (size_t) ((const char *) scanner->at - word);
  if (length == 0)
    return toml__unexpected (scanner, "a value is expected here");
  if (length == 4 && memcmp (word, "true", 4) == 0) {
    value->type = TOML_BOOLEAN;
    value->boolean = 1;
    return 0;
  }
  if (length == 5 && memcmp (word, "false", 5) == 0) {
    value->type = TOML_BOOLEAN;
    return 0;
  }
  if (!toml__datetime_begins (word, length))
    return toml__number (scanner, value, word, length);
  /* A date may be parted from its time by one space, the only word with a blank inside. */
  if (length == 10 && toml__peek (scanner) == ' ' && toml__is_digit (toml__peek_at (scanner, 1))) {
    toml__next (scanner);
    while (is_word (toml__peek (scanner)))
      toml__next (scanner);
    length = (size_t) ((const char *) scanner->at - word);
  }
  return toml__datetime (scanner, value, word, length);
}

int
toml__value (struct toml__scanner *scanner, uint32_t parent_depth, toml_value **out)
{
  int byte = toml__peek (scanner);
  enum toml_type type = byte == '[' ? TOML_ARRAY : byte == '{' ? TOML_TABLE : TOML_STRING;
  int r = toml__value_new (out, scanner->document, type, toml__here (scanner));
  if (r < 0)
    return toml__exhausted (scanner, toml__here (scanner), r);
  if (type == TOML_ARRAY || type == TOML_TABLE) {
    /* The recursion below is bounded by this check. */
    r = toml__tree_depth (scanner, *out, parent_depth);
    if (r < 0)
      return r;
    return type == TOML_ARRAY ? literal_array (scanner, *out) : literal_table (scanner, *out);
  }
  if (byte == '"' || byte == '\'')
    return literal_string (scanner, *out);
  return literal_word (scanner, *out);
}
