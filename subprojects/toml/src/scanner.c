/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scanner: a cursor over the text that knows its line and column, and the one way to report an error. */
#include "scanner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

struct toml__place
toml__here (const struct toml__scanner *scanner)
{
  /* toml_parse() refuses texts of 4 GiB, so both fit. */
  return (struct toml__place){ scanner->line, (uint32_t) (scanner->at - scanner->line_start) + 1 };
}

int
toml__peek_at (const struct toml__scanner *scanner, size_t ahead)
{
  return (size_t) (scanner->end - scanner->at) > ahead ? scanner->at[ahead] : TOML__END;
}

int
toml__peek (const struct toml__scanner *scanner)
{
  return toml__peek_at (scanner, 0);
}

void
toml__next (struct toml__scanner *scanner)
{
  scanner->at++;
}

size_t
toml__newline (struct toml__scanner *scanner)
{
  size_t length = 0;
  if (toml__peek (scanner) == '\n')
    length = 1;
  else if (toml__peek (scanner) == '\r' && toml__peek_at (scanner, 1) == '\n')
    length = 2;
  if (length > 0) {
    scanner->at += length;
    scanner->line_start = scanner->at;
    scanner->line++;
  }
  return length;
}

void
toml__blanks (struct toml__scanner *scanner)
{
  while (toml__peek (scanner) == ' ' || toml__peek (scanner) == '\t')
    toml__next (scanner);
}

int
toml__is_text (int byte)
{
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

int
toml__is_digit (int byte)
{
  return byte >= '0' && byte <= '9';
}

int
toml__comment (struct toml__scanner *scanner)
{
  if (toml__peek (scanner) != '#')
    return 0;
  while (toml__is_text (toml__peek (scanner)))
    toml__next (scanner);
  int byte = toml__peek (scanner);
  if (byte == TOML__END || byte == '\n' || (byte == '\r' && toml__peek_at (scanner, 1) == '\n'))
    return 0;
  return toml__unexpected (scanner, "in a comment");
}

int
toml__gap (struct toml__scanner *scanner)
{
  do {
    toml__blanks (scanner);
    int r = toml__comment (scanner);
    if (r < 0)
      return r;
  } while (toml__newline (scanner) > 0);
  return 0;
}

void
toml__buffer_clear (struct toml__scanner *scanner)
{
  scanner->length = 0;
}

int
toml__buffer_add (struct toml__scanner *scanner, const char *bytes, size_t count)
{
  size_t need;
  if (__builtin_add_overflow (scanner->length, count, &need) || need > SIZE_MAX / 2)
    return -ENOMEM;
  if (need > scanner->room) {
    size_t room = need < 128 ? 256 : need * 2;
    char *larger = realloc (scanner->buffer, room);
    if (!larger)
      return -ENOMEM;
    scanner->buffer = larger;
    scanner->room = room;
  }
  if (count > 0)
    memcpy (scanner->buffer + scanner->length, bytes, count);
  scanner->length = need;
  return 0;
}

int
toml__fail (struct toml__scanner *scanner, struct toml__place place, int code, const char *format, ...)
{
  if (!scanner->error)
    return code;
  scanner->error->line = place.line;
  scanner->error->column = place.column;
  va_list args;
  va_start (args, format);
  vsnprintf (scanner->error->message, sizeof scanner->error->message, format, args);
  va_end (args);
  return code;
}

int
toml__unexpected (struct toml__scanner *scanner, const char *expected)
{
  struct toml__place place = toml__here (scanner);
  int byte = toml__peek (scanner);
  if (byte == TOML__END)
    return toml__fail (scanner, place, -EINVAL, "unexpected end of the text; %s", expected);
  if (byte == '\n' || (byte == '\r' && toml__peek_at (scanner, 1) == '\n'))
    return toml__fail (scanner, place, -EINVAL, "unexpected end of the line; %s", expected);
  if (byte < 0x20 || byte == 0x7F)
    return toml__fail (scanner, place, -EINVAL, "unexpected control character 0x%02X; %s", (unsigned) byte, expected);
  /* The whole text is known to be valid UTF-8. */
  size_t length = toml__utf8_length (scanner->at, scanner->end);
  return toml__fail (scanner, place, -EINVAL, "unexpected character \"%.*s\"; %s", (int) length,
                     (const char *) scanner->at, expected);
}

int
toml__exhausted (struct toml__scanner *scanner, struct toml__place place, int code)
{
  if (code == -E2BIG)
    return toml__fail (scanner, place, code, "more than %u values; the limit guards against hostile texts",
                       scanner->document->limits.max_nodes);
  return toml__fail (scanner, place, code, "out of memory");
}

const char *
toml__name (char out[TOML__NAME_MAX], const struct toml_key *key)
{
  const unsigned char *at = (const unsigned char *) key->text, *end = at + key->length;
  size_t used = 0;
  while (at < end && used < TOML__NAME_MAX - 8) {
    size_t length = toml__utf8_length (at, end);
    if (*at < 0x20 || *at == 0x7F || (*at == 0xC2 && length == 2 && at[1] < 0xA0)) { /* C0, DEL, C1 */
      used += (size_t) snprintf (out + used, TOML__NAME_MAX - used, "\\x%02X", (unsigned) at[length - 1]);
    } else {
      memcpy (out + used, at, length);
      used += length;
    }
    at += length;
  }
  memcpy (out + used, at < end ? "..." : "", at < end ? 4 : 1);
  return out;
}
