/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json: reads JSON that may be hostile into a tree, within limits, strictly (RFC 8259); json-write.h is the other direction. */
#ifndef KATA_BASE_JSON_H
#define KATA_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/arena.h"
#include "base/error.h"

/* Why not json-glib: it recurses by depth, takes the last of duplicate keys, loses integers above 2^63 - 1 (RLIM_INFINITY) and
 * prints criticals on a wrong type. */

enum kata_json_type {
  KATA_JSON_NULL = 0,
  KATA_JSON_BOOL,
  KATA_JSON_NUMBER,
  KATA_JSON_STRING,
  KATA_JSON_ARRAY,
  KATA_JSON_OBJECT
};

/** A value; immutable, owned by the document's arena. */
typedef struct kata_json kata_json;
struct kata_json {
  int type;         /* enum kata_json_type */
  bool truth;       /* BOOL */
  uint32_t index;   /* position in the array or object that it is in */
  uint32_t n;       /* ARRAY, OBJECT: how many */
  const char *name; /* the member's name when it is in an object */
  const char *text; /* STRING: UTF-8 without NUL; NUMBER: as written */
  const kata_json *parent, *first, *next;
};

/** What is refused; 0 = the default. */
struct kata_json_limits {
  size_t bytes;    /* of the text: KATA_JSON_BYTES_MAX */
  uint32_t depth;  /* of nesting: KATA_JSON_DEPTH_MAX */
  uint32_t values; /* in all: KATA_JSON_VALUES_MAX */
};
#define KATA_JSON_BYTES_MAX  ((size_t) 1 << 20)
#define KATA_JSON_DEPTH_MAX  32u
#define KATA_JSON_VALUES_MAX 200000u

/**
 * Reads @text (need not end with NUL) into a tree in @arena. Refused: anything that RFC 8259 does not allow, duplicate names, NUL
 * (also as \u0000), invalid UTF-8, lone surrogates, numbers that no double can hold, anything after the value.
 * Errors: @code, KATA_E_LIMIT; the key is the JSON path of where it went wrong, the text has line and column.
 */
int kata_json__parse (const kata_json **out, kata_arena *arena, const char *text, size_t len,
                      const struct kata_json_limits *limits, int code, kata_error **err);

/** A member, or NULL: also when it is null, when @object is NULL or not an object. */
const kata_json *kata_json__get (const kata_json *object, const char *name);

/** `$.process.args[3]`; g_free(). */
char *kata_json__path (const kata_json *value);
const char *kata_json__type_name (int type);

/**
 * Typed reading with one check at the end: the first mistake is kept in @err, later ones are ignored, and every getter
 * then returns its zero. Strings point into the document's arena.
 */
struct kata_json_reader {
  kata_arena *arena;
  int code;             /* of errors about a wrong type or value */
  int result;           /* 0, or the first error's code */
  kata_error **err;     /* (nullable) */
  uint32_t strings_max; /* bytes of a string; 0 = no limit but the text's */
  GPtrArray *warnings;  /* (nullable): of strings that live in @arena */
  uint32_t items_max;   /* of an array or object; 0 = likewise */
};

/** Records an error about @value (its path is the key); returns the code. */
int
kata_json__fail (struct kata_json_reader *reader, const kata_json *value, const char *format, ...) G_GNUC_PRINTF (3, 4);
/** Records that @object lacks @name. */
int kata_json__missing (struct kata_json_reader *reader, const kata_json *object, const char *name);
/** A warning about @value, if the reader collects them; at most KATA_JSON_WARNINGS_MAX are kept. */
void
kata_json__warn (struct kata_json_reader *reader, const kata_json *value, const char *format, ...) G_GNUC_PRINTF (3, 4);
#define KATA_JSON_WARNINGS_MAX 64u
/** Warns about each member of @object (nullable) that is not in @known (NULL-terminated). */
void kata_json__warn_unknown (struct kata_json_reader *reader, const kata_json *object, const char *const *known);
/** True if @value is of @type; otherwise records the error, unless @value is NULL. */
bool kata_json__is (struct kata_json_reader *reader, const kata_json *value, int type);

/* The member @name of @object; absent (or null) gives NULL, false, 0. */
const kata_json *kata_json__get_object (struct kata_json_reader *reader, const kata_json *object, const char *name);
const kata_json *kata_json__get_array (struct kata_json_reader *reader, const kata_json *object, const char *name);
const char *kata_json__get_string (struct kata_json_reader *reader, const kata_json *object, const char *name);
const char *kata_json__get_string_required (struct kata_json_reader *reader, const kata_json *object, const char *name);
bool kata_json__get_bool (struct kata_json_reader *reader, const kata_json *object, const char *name);
int64_t kata_json__get_i64 (struct kata_json_reader *reader, const kata_json *object, const char *name);
uint64_t kata_json__get_u64 (struct kata_json_reader *reader, const kata_json *object, const char *name);
int32_t kata_json__get_i32 (struct kata_json_reader *reader, const kata_json *object, const char *name);
uint32_t kata_json__get_u32 (struct kata_json_reader *reader, const kata_json *object, const char *name);
/* An array of strings; NULL when absent, NULL-terminated. */
char **kata_json__get_strv (struct kata_json_reader *reader, const kata_json *object, const char *name);

/* A value itself. */
const char *kata_json__string (struct kata_json_reader *reader, const kata_json *value);
int64_t kata_json__i64 (struct kata_json_reader *reader, const kata_json *value, int64_t min, int64_t max);
uint64_t kata_json__u64 (struct kata_json_reader *reader, const kata_json *value, uint64_t max);

#endif
