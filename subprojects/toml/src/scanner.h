/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scanner: a cursor over the text that knows its line and column, and the one way to report an error. */
#ifndef TOML_SCANNER_H
#define TOML_SCANNER_H

#include "value.h"

#define TOML__END (-1) /* what toml__peek() says past the last byte */

struct toml__scanner {
  const unsigned char *at, *end, *line_start;
  uint32_t line;
  toml_document *document;
  struct toml_error *error; /* nullable */
  /* The string or number in hand; grows, is reused, belongs to toml_parse(). */
  char *buffer;
  size_t length, room;
};

struct toml__place toml__here (const struct toml__scanner *scanner);
/* The byte @ahead of the cursor, or TOML__END. */
int toml__peek_at (const struct toml__scanner *scanner, size_t ahead);
int toml__peek (const struct toml__scanner *scanner);
/* Steps over one byte that is not part of a newline. */
void toml__next (struct toml__scanner *scanner);
/* Steps over LF or CR LF when one stands here; returns its length or 0. */
size_t toml__newline (struct toml__scanner *scanner);
/* Steps over spaces and tabs. */
void toml__blanks (struct toml__scanner *scanner);
/* Steps over a comment up to its newline, if one starts here: 0 or an error. */
int toml__comment (struct toml__scanner *scanner);
/* Steps over blanks, comments and newlines, as arrays allow: 0 or an error. */
int toml__gap (struct toml__scanner *scanner);
/* 1 when @byte may stand in a comment or a string: no control character except tab. */
int toml__is_text (int byte);
int toml__is_digit (int byte);

/* Empties the buffer; adds to it (0 or -ENOMEM). */
void toml__buffer_clear (struct toml__scanner *scanner);
int toml__buffer_add (struct toml__scanner *scanner, const char *bytes, size_t count);

/* Fills in the error and returns @code. */
__attribute__ ((format (printf, 4, 5))) int
toml__fail (struct toml__scanner *scanner, struct toml__place place, int code, const char *format, ...);
/* “unexpected X” at the cursor, with what was expected. Returns -EINVAL. */
int toml__unexpected (struct toml__scanner *scanner, const char *expected);
/* Turns -E2BIG and -ENOMEM of toml__value_new() and its like into a filled-in error; returns @code. */
int toml__exhausted (struct toml__scanner *scanner, struct toml__place place, int code);
/* Writes @key so that it can stand in a message: printable, short, valid UTF-8. */
#define TOML__NAME_MAX 64
const char *toml__name (char out[TOML__NAME_MAX], const struct toml_key *key);

#endif
