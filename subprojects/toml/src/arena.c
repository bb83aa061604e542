/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena: memory that is given piece by piece and freed as one; it never aborts and never moves a piece. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK 8192u

struct toml__chunk {
  struct toml__chunk *next;
  size_t used, size;
  max_align_t bytes[];
};

static struct toml__chunk *
chunk_new (struct toml__arena *arena, size_t need)
{
  size_t size = need > ARENA_CHUNK ? need : ARENA_CHUNK;
  size_t total;
  if (__builtin_add_overflow (size, sizeof (struct toml__chunk), &total))
    return NULL;
  struct toml__chunk *chunk = calloc (1, total);
  if (!chunk)
    return NULL;
  chunk->size = size;
  chunk->next = arena->chunks;
  arena->chunks = chunk;
  return chunk;
}

void *
toml__arena_alloc (struct toml__arena *arena, size_t size)
{
  size_t rounded;
  if (__builtin_add_overflow (size, sizeof (max_align_t) - 1, &rounded))
    return NULL;
  rounded -= rounded % sizeof (max_align_t);
  struct toml__chunk *chunk = arena->chunks;
  if (!chunk || chunk->size - chunk->used < rounded)
    chunk = chunk_new (arena, rounded);
  if (!chunk)
    return NULL;
  void *piece = (unsigned char *) chunk->bytes + chunk->used;
  chunk->used += rounded;
  return piece;
}

char *
toml__arena_copy (struct toml__arena *arena, const char *bytes, size_t len)
{
  size_t total;
  if (__builtin_add_overflow (len, 1, &total))
    return NULL;
  char *copy = toml__arena_alloc (arena, total);
  if (copy && len > 0)
    memcpy (copy, bytes, len);
  return copy;
}

void
toml__arena_free (struct toml__arena *arena)
{
  while (arena->chunks) {
    struct toml__chunk *next = arena->chunks->next;
    free (arena->chunks);
    arena->chunks = next;
  }
}
