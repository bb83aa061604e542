/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-writer: builds one JSON text in memory, commas and escapes included; reads nothing. */
#ifndef AGENT_JSON_WRITER_H
#define AGENT_JSON_WRITER_H

#include <stddef.h>
#include <stdint.h>

/* A configuration larger than this is refused: crun reads no more either. */
#define JSON_TEXT_MAX (8u << 20)

struct json {
  char *text; /* not NUL-terminated */
  size_t len;
  size_t size;
  int need_comma;
  int failed; /* out of memory or above JSON_TEXT_MAX: nothing more is added */
};

void json_clear (struct json *json);
/* @key is NULL inside arrays and at the top. */
void json_open_object (struct json *json, const char *key);
void json_close_object (struct json *json);
void json_open_array (struct json *json, const char *key);
void json_close_array (struct json *json);
void json_string (struct json *json, const char *key, const char *value);
void json_int (struct json *json, const char *key, int64_t value);
void json_uint (struct json *json, const char *key, uint64_t value);
void json_bool (struct json *json, const char *key, int value);
/** Adds nothing when @count is 0. */
void json_strings (struct json *json, const char *key, char *const *values, size_t count);

#endif
