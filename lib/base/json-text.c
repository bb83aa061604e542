/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-text: strings with escapes and numbers of RFC 8259, as they are read. */
#include "base/json-text.h"

#include <string.h>

static const char *
fail (const char **why, const char *text)
{
  *why = text;
  return NULL;
}

static int
hex4 (const char *pos, const char *end)
{
  int value = 0;
  if (end - pos < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value (pos[i]);
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* \uXXXX, also a surrogate pair; @pos is after the u. */
static const char *
unescape_unicode (const char *pos, const char *end, char **to, const char **why)
{
  int unit = hex4 (pos, end);
  if (unit < 0)
    return fail (why, "\\u needs four hexadecimal digits");
  pos += 4;
  gunichar c = (gunichar) unit;
  if (c == 0)
    return fail (why, "a string contains NUL");
  if (c >= 0xDC00 && c <= 0xDFFF)
    return fail (why, "a string contains half a surrogate pair");
  if (c >= 0xD800 && c <= 0xDBFF) {
    int low = end - pos >= 6 && pos[0] == '\\' && pos[1] == 'u' ? hex4 (pos + 2, end) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
      return fail (why, "a string contains half a surrogate pair");
    c = 0x10000 + ((c - 0xD800) << 10) + ((gunichar) low - 0xDC00);
    pos += 6;
  }
  *to += g_unichar_to_utf8 (c, *to);
  return pos;
}

static const char *
unescape (const char *pos, const char *end, char **to, const char **why)
{
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  if (pos == end)
    return fail (why, "the text ends inside a string");
  if (*pos == 'u')
    return unescape_unicode (pos + 1, end, to, why);
  const char *found = *pos != '\0' ? strchr (from, *pos) : NULL;
  if (found == NULL)
    return fail (why, "a string contains an escape that JSON does not know");
  *(*to)++ = into[found - from];
  return pos + 1;
}

const char *
kata_json__unquote (kata_arena *arena, const char *pos, const char *end, const char **out, const char **why)
{
  const char *start = ++pos;
  while (pos < end && *pos != '"')
    pos += *pos == '\\' && end - pos > 1 ? 2 : 1;
  if (pos >= end)
    return fail (why, "the text ends inside a string");

  const char *stop = pos;
  /* Every escape is longer than what it stands for. */
  char *copy = kata_arena__alloc (arena, (size_t) (stop - start) + 1), *to = copy;
  for (pos = start; pos != NULL && pos < stop;) {
    if ((unsigned char) *pos < 0x20)
      return fail (why, "a string contains a control character; write it as \\u00XX");
    if (*pos == '\\')
      pos = unescape (pos + 1, stop, &to, why);
    else
      *to++ = *pos++;
  }
  if (pos == NULL)
    return NULL;
  *to = '\0';
  *out = copy;
  return stop + 1;
}

static const char *
digits (const char *pos, const char *end)
{
  const char *start = pos;
  while (pos < end && g_ascii_isdigit (*pos))
    pos++;
  return pos > start ? pos : NULL;
}

const char *
kata_json__number_end (const char *pos, const char *end)
{
  if (pos < end && *pos == '-')
    pos++;
  const char *integer = pos;
  pos = digits (pos, end);
  if (pos == NULL || (*integer == '0' && pos - integer > 1))
    return NULL;
  if (pos < end && *pos == '.') {
    pos = digits (pos + 1, end);
    if (pos == NULL)
      return NULL;
  }
  if (pos < end && (*pos == 'e' || *pos == 'E')) {
    pos++;
    if (pos < end && (*pos == '+' || *pos == '-'))
      pos++;
    pos = digits (pos, end);
  }
  return pos;
}
