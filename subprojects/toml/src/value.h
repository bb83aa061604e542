/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* value: the nodes of a document's tree as the parser builds them; the grammar is elsewhere. */
#ifndef TOML_VALUE_H
#define TOML_VALUE_H

#include "toml/toml.h"

#include "arena.h"

/* How a table or an array came to be: it decides who may still add to it. */
enum toml__origin {
  TOML__CLOSED,   /* a scalar, an inline table or an inline array: complete where it stands */
  TOML__IMPLICIT, /* a table that only a longer header has named; a header of its own may still come */
  TOML__HEADER,   /* [a], the root, or an element of [[a]] */
  TOML__DOTTED,   /* made by the dotted key a.b = 1 */
  TOML__ELEMENTS, /* the array behind [[a]] */
};

struct toml__place {
  uint32_t line, column;
};

/* An entry of a table; the entries form an AA tree over their keys, so that no choice of keys makes look-ups slow. */
struct toml__entry {
  struct toml_key key;
  toml_value *value;
  struct toml__entry *left, *right;
  uint32_t level;
};

struct toml_value {
  enum toml_type type;
  enum toml__origin origin;
  struct toml__place place;
  uint32_t depth;
  union {
    struct {
      char *text;
      size_t length;
    } string;
    int64_t integer;
    double real;
    int boolean;
    struct toml_datetime datetime;
    struct {
      toml_value **items;
      size_t count, room;
    } array;
    struct {
      struct toml__entry **entries; /* in the order of the text */
      size_t count, room;
      struct toml__entry *top;
    } table;
  };
};

struct toml_document {
  struct toml__arena arena;
  toml_value *root;
  struct toml_limits limits;
  uint32_t nodes;
};

/* Sets *@out and returns 0, -ENOMEM, or -E2BIG past limits.max_nodes. */
int toml__value_new (toml_value **out, toml_document *document, enum toml_type type, struct toml__place place);
/* 0 or -ENOMEM. */
int toml__array_append (toml_document *document, toml_value *array, toml_value *item);
toml_value *toml__table_find (const toml_value *table, const char *key, size_t length);
/* 0 or -ENOMEM; the caller has made sure that the key is new. */
int toml__table_insert (toml_document *document, toml_value *table, const struct toml_key *key, toml_value *value);
/* Makes room for one more pointer in a list that lives in the arena; 0 or -ENOMEM. */
int toml__list_grow (toml_document *document, void ***items, size_t count, size_t *room);

#endif
