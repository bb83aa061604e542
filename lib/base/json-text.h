/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-text: how JSON writes strings and numbers; for json.c alone. */
#ifndef KATA_BASE_JSON_TEXT_H
#define KATA_BASE_JSON_TEXT_H

#include <glib.h>

#include "base/arena.h"

/* No caller can allow more nesting. */
#define KATA_JSON_DEPTH_LIMIT 64u

/* @pos is at the opening quote of valid UTF-8; returns what follows the closing one, or NULL and *why. */
const char *
kata_json__unquote (kata_arena *arena, const char *pos, const char *end, const char **out, const char **why);
/* What follows the number at @pos, or NULL if there is none. */
const char *kata_json__number_end (const char *pos, const char *end);

#endif
