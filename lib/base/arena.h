/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arena: memory that is given out piece by piece and released all at once; not for things with a life of their own. */
#ifndef KATA_BASE_ARENA_H
#define KATA_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include <glib.h>

/**
 * Owns every byte that a parsed or planned thing consists of. What is put in is bounded by the caller (limits on the text that it
 * was read from), so that blocks come from g_malloc.
 */
typedef struct kata_arena kata_arena;

struct kata_arena *kata_arena__new (void);
void kata_arena__free (struct kata_arena *arena); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_arena, kata_arena__free)

/* Zeroed, aligned for any type. */
void *kata_arena__alloc (struct kata_arena *arena, size_t size);
void *kata_arena__alloc_array (struct kata_arena *arena, size_t n, size_t size);
char *kata_arena__strdup (struct kata_arena *arena, const char *text); /* NULL gives NULL */
char *kata_arena__strndup (struct kata_arena *arena, const char *text, size_t len);
char *kata_arena__printf (struct kata_arena *arena, const char *format, ...) G_GNUC_PRINTF (2, 3);
char **kata_arena__strv (struct kata_arena *arena, const char *const *strv); /* deep copy; NULL gives NULL */
/* A new NULL-terminated array: the strings of @strv (nullable) and one more; strings are not copied. */
char **kata_arena__strv_add (struct kata_arena *arena, char **strv, const char *text);

#define kata_arena__new0(arena, type, n) ((type *) kata_arena__alloc_array ((arena), (n), sizeof (type)))

#endif
