/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* utf8: checks and writes UTF-8; knows nothing of TOML. */
#include "utf8.h"

static int
is_continuation (unsigned char byte)
{
  return (byte & 0xC0) == 0x80;
}

/* The second byte carries the bounds that a lead byte alone cannot: overlong forms, surrogates, above U+10FFFF. */
static int
second_fits (unsigned char lead, unsigned char second)
{
  switch (lead) {
  case 0xE0:
    return second >= 0xA0;
  case 0xED:
    return second <= 0x9F;
  case 0xF0:
    return second >= 0x90;
  case 0xF4:
    return second <= 0x8F;
  default:
    return 1;
  }
}

size_t
toml__utf8_length (const unsigned char *at, const unsigned char *end)
{
  size_t length;
  if (*at < 0x80)
    return 1;
  if (*at >= 0xC2 && *at <= 0xDF)
    length = 2;
  else if (*at >= 0xE0 && *at <= 0xEF)
    length = 3;
  else if (*at >= 0xF0 && *at <= 0xF4)
    length = 4;
  else
    return 0;
  if ((size_t) (end - at) < length || !second_fits (at[0], at[1]))
    return 0;
  for (size_t i = 1; i < length; i++)
    if (!is_continuation (at[i]))
      return 0;
  return length;
}

size_t
toml__utf8_encode (char out[4], uint32_t code)
{
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
    return 0;
  if (code < 0x80) {
    out[0] = (char) code;
    return 1;
  }
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--) {
    out[i] = (char) (0x80 | (code & 0x3F));
    code >>= 6;
  }
  out[0] = (char) ((0xF00 >> length) | code); /* 110xxxxx, 1110xxxx or 11110xxx: the conversion drops the upper bits */
  return length;
}
