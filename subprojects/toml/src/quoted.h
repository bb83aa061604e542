/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quoted: the four kinds of quoted strings; bare keys and other values are elsewhere. */
#ifndef TOML_QUOTED_H
#define TOML_QUOTED_H

#include "scanner.h"

/* Parses the string that starts here into the scanner's buffer. A key may not be a multi-line string. */
int toml__string (struct toml__scanner *scanner, int is_key);

#endif
