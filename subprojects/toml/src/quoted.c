/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quoted: the four kinds of quoted strings; bare keys and other values are elsewhere. */
#include "quoted.h"

#include <errno.h>

#include "utf8.h"

struct string_form {
  int quote;   /* ' or " */
  int escapes; /* " only */
  int multiline;
  struct toml__place start;
};

static int
string_add (struct toml__scanner *scanner, const char *bytes, size_t count)
{
  return toml__buffer_add (scanner, bytes, count) < 0 ? toml__exhausted (scanner, toml__here (scanner), -ENOMEM) : 0;
}

static int
string_unclosed (struct toml__scanner *scanner, const struct string_form *form)
{
  static const char *const closers[2][2] = { { "\"", "\"\"\"" }, { "'", "'''" } };
  return toml__fail (scanner, form->start, -EINVAL, "this string is not closed; %s is missing",
                     closers[form->quote == '\''][form->multiline]);
}

static int
hex_value (int byte)
{
  if (byte >= '0' && byte <= '9')
    return byte - '0';
  if (byte >= 'a' && byte <= 'f')
    return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F')
    return byte - 'A' + 10;
  return -1;
}

/* \uXXXX and \UXXXXXXXX; the cursor is behind the letter. */
static int
string_unicode (struct toml__scanner *scanner, struct toml__place start, size_t digits)
{
  uint32_t code = 0;
  char bytes[4];
  for (size_t i = 0; i < digits; i++) {
    int digit = hex_value (toml__peek (scanner));
    if (digit < 0)
      return toml__unexpected (scanner,
                               digits == 4 ? "\\u takes 4 hexadecimal digits" : "\\U takes 8 hexadecimal digits");
    code = (code << 4) | (uint32_t) digit;
    toml__next (scanner);
  }
  size_t length = toml__utf8_encode (bytes, code);
  if (length == 0)
    return toml__fail (scanner, start, -EINVAL, "U+%04X is not a Unicode scalar value", code);
  return string_add (scanner, bytes, length);
}

/* A backslash at the end of a line eats the newline and all blanks and newlines up to the next character. */
static int
string_continuation (struct toml__scanner *scanner, struct toml__place start)
{
  toml__blanks (scanner);
  if (toml__newline (scanner) == 0)
    return toml__fail (scanner, start, -EINVAL, "a backslash before blanks must be the last character of its line");
  do
    toml__blanks (scanner);
  while (toml__newline (scanner) > 0);
  return 0;
}

static int
string_escape (struct toml__scanner *scanner, const struct string_form *form)
{
  static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
  struct toml__place start = toml__here (scanner);
  toml__next (scanner);
  int byte = toml__peek (scanner);
  for (size_t i = 0; i < sizeof from - 1; i++) {
    if (byte == from[i]) {
      toml__next (scanner);
      return string_add (scanner, &to[i], 1);
    }
  }
  if (byte == 'u' || byte == 'U') {
    toml__next (scanner);
    return string_unicode (scanner, start, byte == 'u' ? 4 : 8);
  }
  if (form->multiline && (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'))
    return string_continuation (scanner, start);
  if (byte == TOML__END)
    return string_unclosed (scanner, form);
  return toml__unexpected (scanner, "the escapes are \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX");
}

/* Quotes inside a multi-line string: fewer than three are text, and up to two may stand directly before the closing
 * three. Returns 1 when the string is closed. */
static int
string_quotes (struct toml__scanner *scanner, const struct string_form *form)
{
  size_t count = 0;
  char quote = (char) form->quote;
  while (count < 5 && toml__peek_at (scanner, count) == form->quote)
    count++;
  scanner->at += count;
  for (size_t i = count >= 3 ? count - 3 : count; i > 0; i--) {
    int r = string_add (scanner, &quote, 1);
    if (r < 0)
      return r;
  }
  return count >= 3;
}

static int
string_newline (struct toml__scanner *scanner)
{
  const char *start = (const char *) scanner->at;
  return string_add (scanner, start, toml__newline (scanner));
}

/* One step of the body: 1 at the end of the string, 0 to go on, or an error. */
static int
string_step (struct toml__scanner *scanner, const struct string_form *form)
{
  const unsigned char *start = scanner->at;
  while (toml__is_text (toml__peek (scanner)) && *scanner->at != form->quote &&
         !(form->escapes && *scanner->at == '\\'))
    toml__next (scanner);
  int r = string_add (scanner, (const char *) start, (size_t) (scanner->at - start));
  if (r < 0)
    return r;
  int byte = toml__peek (scanner);
  if (byte == form->quote && form->multiline)
    return string_quotes (scanner, form);
  if (byte == form->quote) {
    toml__next (scanner);
    return 1;
  }
  if (byte == '\\' && form->escapes)
    return string_escape (scanner, form);
  if (byte == TOML__END)
    return string_unclosed (scanner, form);
  if (byte == '\n' || (byte == '\r' && toml__peek_at (scanner, 1) == '\n'))
    return form->multiline ? string_newline (scanner) : string_unclosed (scanner, form);
  return toml__unexpected (scanner, form->escapes ? "control characters are written as \\uXXXX"
                                                  : "a literal string cannot hold it");
}

int
toml__string (struct toml__scanner *scanner, int is_key)
{
  int quote = toml__peek (scanner);
  struct string_form form = { .quote = quote, .escapes = quote == '"', .start = toml__here (scanner) };
  form.multiline = toml__peek_at (scanner, 1) == quote && toml__peek_at (scanner, 2) == quote;
  if (form.multiline && is_key)
    return toml__fail (scanner, form.start, -EINVAL, "a key cannot be a multi-line string");
  scanner->at += form.multiline ? 3 : 1;
  if (form.multiline)
    toml__newline (scanner); /* one directly after the opening quotes is not part of the string */
  toml__buffer_clear (scanner);
  int r;
  do
    r = string_step (scanner, &form);
  while (r == 0);
  return r < 0 ? r : 0;
}
