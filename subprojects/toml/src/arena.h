/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena: memory that is given piece by piece and freed as one; it never aborts and never moves a piece. */
#ifndef TOML_ARENA_H
#define TOML_ARENA_H

#include <stddef.h>

struct toml__chunk;
struct toml__arena {
  struct toml__chunk *chunks; /* newest first; pieces come from the newest alone */
};

/* Zeroed and aligned for any object; NULL when memory is out. */
void *toml__arena_alloc (struct toml__arena *arena, size_t size);
/* A copy of @len bytes with a NUL after it. */
char *toml__arena_copy (struct toml__arena *arena, const char *bytes, size_t len);
void toml__arena_free (struct toml__arena *arena);

#endif
