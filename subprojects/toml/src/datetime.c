/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* datetime: RFC 3339 dates and times out of a bare word; it converts no time zones. */
#include "datetime.h"

#include <errno.h>

struct cursor {
  const char *at, *end;
};

static int
datetime_take (struct cursor *cursor, char c)
{
  if (cursor->at >= cursor->end || *cursor->at != c)
    return 0;
  cursor->at++;
  return 1;
}

/* Exactly @digits digits that make a number from @low to @high. */
static int
datetime_field (struct cursor *cursor, int digits, int32_t low, int32_t high, int32_t *out)
{
  int32_t sum = 0;
  for (int i = 0; i < digits; i++) {
    if (cursor->at >= cursor->end || !toml__is_digit (*cursor->at))
      return 0;
    sum = sum * 10 + (*cursor->at++ - '0');
  }
  *out = sum;
  return sum >= low && sum <= high;
}

static int32_t
days_in_month (int32_t year, int32_t month)
{
  static const int32_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

static int
datetime_date (struct cursor *cursor, struct toml_datetime *out)
{
  return datetime_field (cursor, 4, 0, 9999, &out->year) && datetime_take (cursor, '-') &&
         datetime_field (cursor, 2, 1, 12, &out->month) && datetime_take (cursor, '-') &&
         datetime_field (cursor, 2, 1, days_in_month (out->year, out->month), &out->day);
}

/* Second 60 is a leap second, which RFC 3339 allows. Digits past the nanosecond are dropped, as TOML asks. */
static int
datetime_time (struct cursor *cursor, struct toml_datetime *out)
{
  if (!(datetime_field (cursor, 2, 0, 23, &out->hour) && datetime_take (cursor, ':') &&
        datetime_field (cursor, 2, 0, 59, &out->minute) && datetime_take (cursor, ':') &&
        datetime_field (cursor, 2, 0, 60, &out->second)))
    return 0;
  if (!datetime_take (cursor, '.'))
    return 1;
  if (cursor->at >= cursor->end || !toml__is_digit (*cursor->at))
    return 0;
  int32_t scale = 100000000;
  for (; cursor->at < cursor->end && toml__is_digit (*cursor->at); cursor->at++) {
    out->nanosecond += scale * (*cursor->at - '0');
    scale /= 10;
  }
  return 1;
}

static int
datetime_offset (struct cursor *cursor, struct toml_datetime *out)
{
  int32_t hour, minute;
  if (datetime_take (cursor, 'Z') || datetime_take (cursor, 'z'))
    return 1;
  int negative = datetime_take (cursor, '-');
  if (!negative && !datetime_take (cursor, '+'))
    return 0;
  if (!(datetime_field (cursor, 2, 0, 23, &hour) && datetime_take (cursor, ':') &&
        datetime_field (cursor, 2, 0, 59, &minute)))
    return 0;
  out->offset_minutes = (hour * 60 + minute) * (negative ? -1 : 1);
  return 1;
}

int
toml__datetime_begins (const char *word, size_t length)
{
  if (length > 2 && toml__is_digit (word[0]) && toml__is_digit (word[1]) && word[2] == ':')
    return 1;
  if (length < 5 || word[4] != '-')
    return 0;
  for (int i = 0; i < 4; i++)
    if (!toml__is_digit (word[i]))
      return 0;
  return 1;
}

static int
datetime_parse (toml_value *value, struct cursor *cursor)
{
  struct toml_datetime *out = &value->datetime;
  if (cursor->end - cursor->at > 2 && cursor->at[2] == ':') {
    value->type = TOML_LOCAL_TIME;
    return datetime_time (cursor, out);
  }
  value->type = TOML_LOCAL_DATE;
  if (!datetime_date (cursor, out))
    return 0;
  if (!datetime_take (cursor, 'T') && !datetime_take (cursor, 't') && !datetime_take (cursor, ' '))
    return 1;
  value->type = TOML_LOCAL_DATETIME;
  if (!datetime_time (cursor, out))
    return 0;
  if (cursor->at == cursor->end)
    return 1;
  value->type = TOML_OFFSET_DATETIME;
  return datetime_offset (cursor, out);
}

int
toml__datetime (struct toml__scanner *scanner, toml_value *value, const char *word, size_t length)
{
  struct cursor cursor = { word, word + length };
  if (datetime_parse (value, &cursor) && cursor.at == cursor.end)
    return 0;
  return toml__fail (scanner, value->place, -EINVAL,
                     "not a date or time; the forms are 2006-01-02, 15:04:05[.999], 2006-01-02T15:04:05 and the last "
                     "with Z or +07:00");
}
