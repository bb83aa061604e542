/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* datetime: RFC 3339 dates and times out of a bare word; it converts no time zones. */
#ifndef TOML_DATETIME_H
#define TOML_DATETIME_H

#include "scanner.h"

/* 1 when @word begins as dates and times do. */
int toml__datetime_begins (const char *word, size_t length);
/* Fills @value (type included); 0 or an error at the value's place. */
int toml__datetime (struct toml__scanner *scanner, toml_value *value, const char *word, size_t length);

#endif
