/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena: a list of blocks, the newest one being filled; large pieces get a block of their own. */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#define BLOCK_SIZE 8192u

struct block {
  struct block *next;
  size_t used, size;
  alignas (max_align_t) unsigned char data[];
};

struct kata_arena {
  struct block *blocks; /* the first is being filled */
};

kata_arena *
kata_arena__new (void)
{
  return g_new0 (kata_arena, 1);
}

void
kata_arena__free (kata_arena *arena)
{
  if (arena == NULL)
    return;
  struct block *next;
  for (struct block *block = arena->blocks; block != NULL; block = next) {
    next = block->next;
    g_free (block);
  }
  g_free (arena);
}

static struct block *
block_new (size_t size)
{
  struct block *block = g_malloc0 (sizeof (struct block) + size);
  block->size = size;
  return block;
}

void *
kata_arena__alloc (kata_arena *arena, size_t size)
{
  /* A wrap here could only come from a size that is near SIZE_MAX: no caller has that much input. */
  g_return_val_if_fail (size <= (size_t) 1 << 40, NULL);
  size_t rounded = (size + alignof (max_align_t) - 1) & ~(alignof (max_align_t) - 1);
  struct block *head = arena->blocks;

  if (head == NULL || head->size - head->used < rounded) {
    struct block *fresh = block_new (rounded > BLOCK_SIZE / 4 ? rounded : BLOCK_SIZE);
    /* A large piece goes behind the block that is being filled, so that its rest is not lost. */
    if (head != NULL && rounded > BLOCK_SIZE / 4) {
      fresh->next = head->next;
      head->next = fresh;
    } else {
      fresh->next = head;
      arena->blocks = fresh;
    }
    head = fresh;
  }
  void *piece = head->data + head->used;
  head->used += rounded;
  return piece;
}

void *
kata_arena__alloc_array (kata_arena *arena, size_t n, size_t size)
{
  size_t total;
  g_return_val_if_fail (!__builtin_mul_overflow (n, size, &total), NULL);
  return total > 0 ? kata_arena__alloc (arena, total) : NULL;
}

char *
kata_arena__strndup (kata_arena *arena, const char *text, size_t len)
{
  char *copy = kata_arena__alloc (arena, len + 1);
  if (len > 0)
    memcpy (copy, text, len);
  return copy;
}

char *
kata_arena__strdup (kata_arena *arena, const char *text)
{
  return text != NULL ? kata_arena__strndup (arena, text, strlen (text)) : NULL;
}

char *
kata_arena__printf (kata_arena *arena, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  return kata_arena__strdup (arena, text);
}

static size_t
strv_length (const char *const *strv)
{
  size_t n = 0;
  while (strv != NULL && strv[n] != NULL)
    n++;
  return n;
}

char **
kata_arena__strv (kata_arena *arena, const char *const *strv)
{
  if (strv == NULL)
    return NULL;
  size_t n = strv_length (strv);
  char **copy = kata_arena__new0 (arena, char *, n + 1);
  for (size_t i = 0; i < n; i++)
    copy[i] = kata_arena__strdup (arena, strv[i]);
  return copy;
}

char **
kata_arena__strv_add (kata_arena *arena, char **strv, const char *text)
{
  size_t n = strv_length ((const char *const *) strv);
  char **longer = kata_arena__new0 (arena, char *, n + 2);
  for (size_t i = 0; i < n; i++)
    longer[i] = strv[i];
  longer[n] = (char *) text;
  return longer;
}
