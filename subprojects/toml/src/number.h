/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* number: integers and floats out of a bare word; dates are elsewhere. */
#ifndef TOML_NUMBER_H
#define TOML_NUMBER_H

#include "scanner.h"

/* Fills @value (type included) from the @length bytes of @word; 0 or an error at the value's place. */
int toml__number (struct toml__scanner *scanner, toml_value *value, const char *word, size_t length);

#endif
