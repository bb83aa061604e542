/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* value: documents, scalars and arrays of the tree, and how a caller reads them; tables are in table.c. */
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
toml__value_new (toml_value **out, toml_document *document, enum toml_type type, struct toml__place place)
{
  if (document->nodes >= document->limits.max_nodes)
    return -E2BIG;
  toml_value *value = toml__arena_alloc (&document->arena, sizeof *value);
  if (!value)
    return -ENOMEM;
  document->nodes++;
  value->type = type;
  value->place = place;
  *out = value;
  return 0;
}

int
toml__list_grow (toml_document *document, void ***items, size_t count, size_t *room)
{
  if (count < *room)
    return 0;
  size_t grown = *room ? *room * 2 : 4; /* cannot overflow: the count is bounded by limits.max_nodes, 32 bits */
  void **larger = toml__arena_alloc (&document->arena, grown * sizeof *larger);
  if (!larger)
    return -ENOMEM;
  if (count > 0)
    memcpy (larger, *items, count * sizeof *larger);
  *items = larger;
  *room = grown;
  return 0;
}

int
toml__array_append (toml_document *document, toml_value *array, toml_value *item)
{
  void **items = (void **) array->array.items;
  int r = toml__list_grow (document, &items, array->array.count, &array->array.room);
  if (r < 0)
    return r;
  array->array.items = (toml_value **) items;
  array->array.items[array->array.count++] = item;
  return 0;
}

void
toml_document_free (toml_document *document)
{
  if (!document)
    return;
  toml__arena_free (&document->arena);
  free (document);
}

const toml_value *
toml_document_root (const toml_document *document)
{
  return document ? document->root : NULL;
}

enum toml_type
toml_value_type (const toml_value *value)
{
  return value->type;
}

const char *
toml_type_name (enum toml_type type)
{
  switch (type) {
  case TOML_STRING:
    return "string";
  case TOML_INTEGER:
    return "integer";
  case TOML_FLOAT:
    return "float";
  case TOML_BOOLEAN:
    return "boolean";
  case TOML_OFFSET_DATETIME:
    return "date-time";
  case TOML_LOCAL_DATETIME:
    return "local date-time";
  case TOML_LOCAL_DATE:
    return "local date";
  case TOML_LOCAL_TIME:
    return "local time";
  case TOML_ARRAY:
    return "array";
  case TOML_TABLE:
    return "table";
  }
  return "unknown type";
}

uint32_t
toml_value_line (const toml_value *value)
{
  return value->place.line;
}

uint32_t
toml_value_column (const toml_value *value)
{
  return value->place.column;
}

const char *
toml_value_string (const toml_value *value, size_t *len)
{
  int is_string = value && value->type == TOML_STRING;
  if (len)
    *len = is_string ? value->string.length : 0;
  return is_string ? value->string.text : NULL;
}

int64_t
toml_value_integer (const toml_value *value)
{
  return value && value->type == TOML_INTEGER ? value->integer : 0;
}

double
toml_value_float (const toml_value *value)
{
  return value && value->type == TOML_FLOAT ? value->real : 0;
}

int
toml_value_boolean (const toml_value *value)
{
  return value && value->type == TOML_BOOLEAN ? value->boolean : 0;
}

const struct toml_datetime *
toml_value_datetime (const toml_value *value)
{
  if (!value || value->type < TOML_OFFSET_DATETIME || value->type > TOML_LOCAL_TIME)
    return NULL;
  return &value->datetime;
}

size_t
toml_array_length (const toml_value *array)
{
  return array && array->type == TOML_ARRAY ? array->array.count : 0;
}

const toml_value *
toml_array_get (const toml_value *array, size_t index)
{
  return index < toml_array_length (array) ? array->array.items[index] : NULL;
}
