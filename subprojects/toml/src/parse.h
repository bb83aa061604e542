/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse: what the grammar's two halves, statements and values, need of each other. */
#ifndef TOML_PARSE_H
#define TOML_PARSE_H

#include "scanner.h"

/* Parses the value that starts here; it is to stand at @parent_depth + 1. */
int toml__value (struct toml__scanner *scanner, uint32_t parent_depth, toml_value **out);
/* Parses `a.b = value` into @table. */
int toml__pair (struct toml__scanner *scanner, toml_value *table);

#endif
