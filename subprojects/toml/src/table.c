/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table: key → value, in the order of the text and by name; which keys may be added is decided by the parser. */
#include "value.h"

#include <errno.h>
#include <string.h>

static int
key_compare (const char *a, size_t a_length, const char *b, size_t b_length)
{
  if (a_length != b_length)
    return a_length < b_length ? -1 : 1;
  return memcmp (a, b, a_length);
}

toml_value *
toml__table_find (const toml_value *table, const char *key, size_t length)
{
  const struct toml__entry *entry = table->table.top;
  while (entry) {
    int order = key_compare (key, length, entry->key.text, entry->key.length);
    if (order == 0)
      return entry->value;
    entry = order < 0 ? entry->left : entry->right;
  }
  return NULL;
}

/* The two rotations of an AA tree: a left child is never on its parent's level, and of two right children in a row
 * the second is not either. */
static struct toml__entry *
entry_skew (struct toml__entry *top)
{
  if (!top->left || top->left->level != top->level)
    return top;
  struct toml__entry *left = top->left;
  top->left = left->right;
  left->right = top;
  return left;
}

static struct toml__entry *
entry_split (struct toml__entry *top)
{
  if (!top->right || !top->right->right || top->right->right->level != top->level)
    return top;
  struct toml__entry *right = top->right;
  top->right = right->left;
  right->left = top;
  right->level++;
  return right;
}

/* Recursion is bounded: the tree of 2^32 nodes is at most 64 levels deep. */
static struct toml__entry *
entry_insert (struct toml__entry *top, struct toml__entry *entry)
{
  if (!top)
    return entry;
  if (key_compare (entry->key.text, entry->key.length, top->key.text, top->key.length) < 0)
    top->left = entry_insert (top->left, entry);
  else
    top->right = entry_insert (top->right, entry);
  return entry_split (entry_skew (top));
}

int
toml__table_insert (toml_document *document, toml_value *table, const struct toml_key *key, toml_value *value)
{
  void **entries = (void **) table->table.entries;
  struct toml__entry *entry = toml__arena_alloc (&document->arena, sizeof *entry);
  if (!entry || toml__list_grow (document, &entries, table->table.count, &table->table.room) < 0)
    return -ENOMEM;
  entry->key = *key;
  entry->value = value;
  entry->level = 1;
  table->table.entries = (struct toml__entry **) entries;
  table->table.entries[table->table.count++] = entry;
  table->table.top = entry_insert (table->table.top, entry);
  return 0;
}

size_t
toml_table_length (const toml_value *table)
{
  return table && table->type == TOML_TABLE ? table->table.count : 0;
}

const toml_value *
toml_table_at (const toml_value *table, size_t index, struct toml_key *key)
{
  if (index >= toml_table_length (table))
    return NULL;
  const struct toml__entry *entry = table->table.entries[index];
  if (key)
    *key = entry->key;
  return entry->value;
}

const toml_value *
toml_table_get (const toml_value *table, const char *key)
{
  if (!table || table->type != TOML_TABLE || !key)
    return NULL;
  return toml__table_find (table, key, strlen (key));
}
