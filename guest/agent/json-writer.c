/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-writer: appends to a bounded buffer; strings are taken as UTF-8 and only what JSON demands is escaped. */
#include "json-writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
json_clear (struct json *json)
{
  free (json->text);
  *json = (struct json){ 0 };
}

static void
put (struct json *json, const char *bytes, size_t len)
{
  if (json->failed)
    return;
  if (len > JSON_TEXT_MAX - json->len) {
    json->failed = 1;
    return;
  }
  if (json->len + len > json->size) {
    size_t size = (json->len + len) * 2 < 4096 ? 4096 : (json->len + len) * 2;
    char *text = realloc (json->text, size);
    if (!text) {
      json->failed = 1;
      return;
    }
    json->text = text;
    json->size = size;
  }
  memcpy (json->text + json->len, bytes, len);
  json->len += len;
}

static void
put_string (struct json *json, const char *value)
{
  const char *plain = value;
  char escape[8];
  put (json, "\"", 1);
  for (; *value; value++) {
    unsigned char c = (unsigned char) *value;
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    put (json, plain, (size_t) (value - plain));
    if (c < 0x20)
      snprintf (escape, sizeof escape, "\\u%04x", c);
    else
      snprintf (escape, sizeof escape, "\\%c", c);
    put (json, escape, strlen (escape));
    plain = value + 1;
  }
  put (json, plain, (size_t) (value - plain));
  put (json, "\"", 1);
}

/* Starts a value: the comma before it and its key. */
static void
begin (struct json *json, const char *key)
{
  if (json->need_comma)
    put (json, ",", 1);
  json->need_comma = 1;
  if (key) {
    put_string (json, key);
    put (json, ":", 1);
  }
}

static void
open_with (struct json *json, const char *key, const char *bracket)
{
  begin (json, key);
  put (json, bracket, 1);
  json->need_comma = 0;
}

static void
close_with (struct json *json, const char *bracket)
{
  put (json, bracket, 1);
  json->need_comma = 1;
}

void
json_open_object (struct json *json, const char *key)
{
  open_with (json, key, "{");
}

void
json_close_object (struct json *json)
{
  close_with (json, "}");
}

void
json_open_array (struct json *json, const char *key)
{
  open_with (json, key, "[");
}

void
json_close_array (struct json *json)
{
  close_with (json, "]");
}

void
json_string (struct json *json, const char *key, const char *value)
{
  begin (json, key);
  put_string (json, value ? value : "");
}

void
json_int (struct json *json, const char *key, int64_t value)
{
  char text[32];
  begin (json, key);
  put (json, text, (size_t) snprintf (text, sizeof text, "%" PRId64, value));
}

void
json_uint (struct json *json, const char *key, uint64_t value)
{
  char text[32];
  begin (json, key);
  put (json, text, (size_t) snprintf (text, sizeof text, "%" PRIu64, value));
}

void
json_bool (struct json *json, const char *key, int value)
{
  begin (json, key);
  put (json, value ? "true" : "false", value ? 4 : 5);
}

void
json_strings (struct json *json, const char *key, char *const *values, size_t count)
{
  if (count == 0)
    return;
  json_open_array (json, key);
  for (size_t i = 0; i < count; i++)
    json_string (json, NULL, values[i]);
  json_close_array (json);
}
