/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree: TOML's rules on who may define or extend which table; the text is parsed elsewhere. */
#include "tree.h"

#include <errno.h>

static struct toml__place
key_place (const struct toml_key *key)
{
  return (struct toml__place){ key->line, key->column };
}

static int
tree_refuse (struct toml__scanner *scanner, const struct toml_key *key, const toml_value *there, const char *why)
{
  char name[TOML__NAME_MAX];
  return toml__fail (scanner, key_place (key), -EINVAL, "\"%s\" %s (line %u)", toml__name (name, key), why,
                     there->place.line);
}

int
toml__tree_depth (struct toml__scanner *scanner, toml_value *child, uint32_t parent_depth)
{
  uint32_t limit = scanner->document->limits.max_depth;
  child->depth = parent_depth + 1; /* cannot wrap: the parent has passed this check */
  if (child->depth <= limit)
    return 0;
  return toml__fail (scanner, child->place, -E2BIG, "tables and arrays inside each other deeper than %u", limit);
}

static int
tree_add (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, enum toml_type type,
          enum toml__origin origin, toml_value **out)
{
  toml_value *child;
  int r = toml__value_new (&child, scanner->document, type, key_place (key));
  if (r < 0)
    return toml__exhausted (scanner, key_place (key), r);
  r = toml__tree_depth (scanner, child, table->depth);
  if (r < 0)
    return r;
  child->origin = origin;
  r = toml__table_insert (scanner->document, table, key, child);
  if (r < 0)
    return toml__exhausted (scanner, key_place (key), r);
  *out = child;
  return 0;
}

int
toml__tree_through (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out)
{
  toml_value *there = toml__table_find (table, key->text, key->length);
  if (!there)
    return tree_add (scanner, table, key, TOML_TABLE, TOML__IMPLICIT, out);
  if (there->origin == TOML__ELEMENTS) {
    *out = there->array.items[there->array.count - 1];
    return 0;
  }
  if (there->type != TOML_TABLE)
    return tree_refuse (scanner, key, there, "has a value already and cannot be a table");
  if (there->origin == TOML__CLOSED)
    return tree_refuse (scanner, key, there, "is an inline table, which is complete where it stands");
  *out = there;
  return 0;
}

int
toml__tree_header (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out)
{
  toml_value *there = toml__table_find (table, key->text, key->length);
  if (!there)
    return tree_add (scanner, table, key, TOML_TABLE, TOML__HEADER, out);
  if (there->type != TOML_TABLE)
    return tree_refuse (scanner, key, there,
                        there->origin == TOML__ELEMENTS ? "is an array of tables already"
                                                        : "has a value already and cannot be a table");
  if (there->origin != TOML__IMPLICIT)
    return tree_refuse (scanner, key, there, "is defined already");
  there->origin = TOML__HEADER;
  there->place = key_place (key);
  *out = there;
  return 0;
}

int
toml__tree_element (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out)
{
  toml_value *array = toml__table_find (table, key->text, key->length), *element;
  int r = 0;
  if (!array)
    r = tree_add (scanner, table, key, TOML_ARRAY, TOML__ELEMENTS, &array);
  else if (array->origin != TOML__ELEMENTS)
    return tree_refuse (scanner, key, array, "is defined already and is not an array of tables");
  if (r < 0)
    return r;
  r = toml__value_new (&element, scanner->document, TOML_TABLE, key_place (key));
  if (r < 0)
    return toml__exhausted (scanner, key_place (key), r);
  element->origin = TOML__HEADER;
  r = toml__tree_depth (scanner, element, array->depth);
  if (r < 0)
    return r;
  r = toml__array_append (scanner->document, array, element);
  if (r < 0)
    return toml__exhausted (scanner, key_place (key), r);
  *out = element;
  return 0;
}

int
toml__tree_dotted (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out)
{
  toml_value *there = toml__table_find (table, key->text, key->length);
  if (!there)
    return tree_add (scanner, table, key, TOML_TABLE, TOML__DOTTED, out);
  if (there->origin == TOML__IMPLICIT) { /* named by a longer header only, so this is its definition */
    there->origin = TOML__DOTTED;
    there->place = key_place (key);
  }
  if (there->type != TOML_TABLE)
    return tree_refuse (scanner, key, there, "has a value already and cannot be a table");
  if (there->origin != TOML__DOTTED)
    return tree_refuse (scanner, key, there, "is defined already and cannot be extended by a dotted key");
  *out = there;
  return 0;
}

int
toml__tree_is_new (struct toml__scanner *scanner, const toml_value *table, const struct toml_key *key)
{
  const toml_value *there = toml__table_find (table, key->text, key->length);
  return there ? tree_refuse (scanner, key, there, "is defined already") : 0;
}
