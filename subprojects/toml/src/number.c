/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* number: integers and floats out of a bare word; dates are elsewhere. */
#include "number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
number_wrong (struct toml__scanner *scanner, const toml_value *value, const char *why)
{
  return toml__fail (scanner, value->place, -EINVAL, "%s", why);
}

static int
digit_value (char c, unsigned base)
{
  int digit = -1;
  if (c >= '0' && c <= '9')
    digit = c - '0';
  else if (c >= 'a' && c <= 'f')
    digit = c - 'a' + 10;
  else if (c >= 'A' && c <= 'F')
    digit = c - 'A' + 10;
  return digit < (int) base ? digit : -1;
}

/* Copies the digits at *@at to the buffer without their underscores, of which each must stand between two digits.
 * Returns how many there were, 0 when the rule is broken, or -ENOMEM. */
static int
number_digits (struct toml__scanner *scanner, const char **at, const char *end, unsigned base)
{
  int count = 0;
  const char *p = *at;
  while (p < end) {
    if (*p == '_') {
      if (count == 0 || p + 1 >= end || digit_value (p[1], base) < 0)
        return 0;
      p++;
    }
    if (digit_value (*p, base) < 0)
      break;
    if (toml__buffer_add (scanner, p, 1) < 0)
      return -ENOMEM;
    count = 1;
    p++;
  }
  *at = p;
  return count;
}

static int
number_integer (struct toml__scanner *scanner, toml_value *value, unsigned base, int negative)
{
  int64_t sum = 0;
  for (size_t i = 0; i < scanner->length; i++) {
    int64_t digit = digit_value (scanner->buffer[i], base);
    /* Summed on the negative side, where there is one number more. */
    if (__builtin_mul_overflow (sum, (int64_t) base, &sum) || __builtin_sub_overflow (sum, digit, &sum))
      return number_wrong (scanner, value, "this integer does not fit in 64 bits");
  }
  if (!negative && __builtin_sub_overflow (0, sum, &sum))
    return number_wrong (scanner, value, "this integer does not fit in 64 bits");
  value->type = TOML_INTEGER;
  value->integer = sum;
  return 0;
}

static int
number_based (struct toml__scanner *scanner, toml_value *value, const char *word, const char *end)
{
  unsigned base = word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : 2;
  const char *at = word + 2;
  int r = number_digits (scanner, &at, end, base);
  if (r < 0)
    return toml__exhausted (scanner, value->place, r);
  if (r == 0 || at != end)
    return number_wrong (scanner, value,
                         base == 16  ? "0x takes hexadecimal digits, with single underscores between digits"
                         : base == 8 ? "0o takes digits from 0 to 7, with single underscores between digits"
                                     : "0b takes the digits 0 and 1, with single underscores between digits");
  return number_integer (scanner, value, base, 0);
}

static int
number_float (struct toml__scanner *scanner, toml_value *value)
{
  if (toml__buffer_add (scanner, "", 1) < 0)
    return toml__exhausted (scanner, value->place, -ENOMEM);
  /* strtod() would take the decimal point of the process's locale. */
  locale_t c_locale = newlocale (LC_ALL_MASK, "C", (locale_t) 0);
  if (!c_locale)
    return toml__exhausted (scanner, value->place, -ENOMEM);
  value->type = TOML_FLOAT;
  value->real = strtod_l (scanner->buffer, NULL, c_locale);
  freelocale (c_locale);
  return isfinite (value->real) ? 0 : number_wrong (scanner, value, "this float is out of range");
}

/* The fraction and the exponent, each with at least one digit. 1 if there was either, 0 if neither, -EINVAL, -ENOMEM. */
static int
number_fraction (struct toml__scanner *scanner, const char **at, const char *end)
{
  int found = 0, r;
  if (*at < end && **at == '.') {
    (*at)++;
    if (toml__buffer_add (scanner, ".", 1) < 0)
      return -ENOMEM;
    r = number_digits (scanner, at, end, 10);
    if (r <= 0)
      return r < 0 ? r : -EINVAL;
    found = 1;
  }
  if (*at < end && (**at == 'e' || **at == 'E')) {
    (*at)++;
    if (toml__buffer_add (scanner, "e", 1) < 0)
      return -ENOMEM;
    if (*at < end && (**at == '+' || **at == '-') && toml__buffer_add (scanner, (*at)++, 1) < 0)
      return -ENOMEM;
    r = number_digits (scanner, at, end, 10);
    if (r <= 0)
      return r < 0 ? r : -EINVAL;
    found = 1;
  }
  return found;
}

static int
number_special (toml_value *value, const char *word, size_t length, int negative)
{
  if (length != 3 || (memcmp (word, "inf", 3) != 0 && memcmp (word, "nan", 3) != 0))
    return 0;
  value->type = TOML_FLOAT;
  value->real = word[0] == 'i' ? (double) INFINITY : (double) NAN;
  if (negative)
    value->real = -value->real;
  return 1;
}

int
toml__number (struct toml__scanner *scanner, toml_value *value, const char *word, size_t length)
{
  static const char wrong[] = "not a value; strings are quoted, numbers have digits (and single underscores between "
                              "them), the rest is true, false or a date";
  const char *at = word, *end = word + length;
  toml__buffer_clear (scanner);
  if (length > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'o' || at[1] == 'b'))
    return number_based (scanner, value, at, end);
  int negative = length > 0 && *at == '-';
  if (length > 0 && (*at == '+' || *at == '-'))
    at++;
  if (number_special (value, at, (size_t) (end - at), negative))
    return 0;
  if (negative && toml__buffer_add (scanner, "-", 1) < 0)
    return toml__exhausted (scanner, value->place, -ENOMEM);
  const char *digits = at;
  int r = number_digits (scanner, &at, end, 10);
  if (r > 0 && *digits == '0' && at - digits > 1)
    return number_wrong (scanner, value, "a decimal number has no leading zeros");
  int is_float = r > 0 ? number_fraction (scanner, &at, end) : 0;
  if (r == -ENOMEM || is_float == -ENOMEM)
    return toml__exhausted (scanner, value->place, -ENOMEM);
  if (r == 0 || is_float < 0 || at != end)
    return number_wrong (scanner, value, wrong);
  if (is_float)
    return number_float (scanner, value);
  if (negative) /* number_integer() wants digits alone */
    memmove (scanner->buffer, scanner->buffer + 1, --scanner->length);
  return number_integer (scanner, value, 10, negative);
}
