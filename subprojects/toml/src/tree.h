/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree: TOML's rules on who may define or extend which table; the text is parsed elsewhere. */
#ifndef TOML_TREE_H
#define TOML_TREE_H

#include "scanner.h"

/* Each sets *@out to the table to go on with and returns 0, or an error that names the key. */

/* A part of a header before the last: [HERE.x] */
int toml__tree_through (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out);
/* The last part of [x.HERE] */
int toml__tree_header (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out);
/* The last part of [[x.HERE]] */
int toml__tree_element (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out);
/* A part of a dotted key before the last: HERE.x = 1 */
int toml__tree_dotted (struct toml__scanner *scanner, toml_value *table, const struct toml_key *key, toml_value **out);
/* -EINVAL with its message when @key is there already, else 0. */
int toml__tree_is_new (struct toml__scanner *scanner, const toml_value *table, const struct toml_key *key);
/* Counts a level of nesting: 0, or -E2BIG with its message. */
int toml__tree_depth (struct toml__scanner *scanner, toml_value *child, uint32_t parent_depth);

#endif
