/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* toml: a TOML 1.0 parser into an immutable tree that knows where each thing stood; no writer, no file access. */
#ifndef TOML_H
#define TOML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct toml_value toml_value; /* borrowed from its document, valid until toml_document_free() */
typedef struct toml_document toml_document;

enum toml_type {
  TOML_STRING,
  TOML_INTEGER,
  TOML_FLOAT,
  TOML_BOOLEAN,
  TOML_OFFSET_DATETIME,
  TOML_LOCAL_DATETIME,
  TOML_LOCAL_DATE,
  TOML_LOCAL_TIME,
  TOML_ARRAY,
  TOML_TABLE,
};
struct toml_datetime {
  int32_t year, month, day, hour, minute, second, nanosecond;
  int32_t offset_minutes; /* only in TOML_OFFSET_DATETIME */
};
/** A key as it stood in its table; all of it borrowed from the document. */
struct toml_key {
  const char *text; /* UTF-8, NUL-terminated; a quoted key may hold NUL bytes inside: compare @length */
  size_t length;
  uint32_t line, column;
};
/** Where and why a parse failed. Lines and columns count from 1; columns are in bytes. */
struct toml_error {
  uint32_t line, column;
  char message[200];
};
/** Bounds on hostile input; 0 = the default in brackets. */
struct toml_limits {
  size_t size;        /* sizeof (struct toml_limits) as the caller knows it */
  size_t max_bytes;   /* [4 MiB] */
  uint32_t max_depth; /* [64] of tables and arrays inside each other, however they were written; the root is 0 */
  uint32_t max_nodes; /* [1,000,000] values, tables and arrays included */
};

/**
 * Parses @len bytes (need not end in NUL). Returns 0, -EINVAL (see @error), -E2BIG (a limit; see @error) or -ENOMEM.
 * @out is untouched on failure, @error on success; @limits and @error may be NULL. The message is valid UTF-8 without
 * control characters, whatever the text held.
 */
int toml_parse (toml_document **out, const char *text, size_t len, const struct toml_limits *limits,
                struct toml_error *error);
void toml_document_free (toml_document *document); /* NULL-safe */
const toml_value *toml_document_root (const toml_document *document);

enum toml_type toml_value_type (const toml_value *value);
const char *toml_type_name (enum toml_type type);   /* "string", "integer", …, for messages */
uint32_t toml_value_line (const toml_value *value); /* of the value's first byte */
uint32_t toml_value_column (const toml_value *value);

/* Each is only for its type; any other gives the neutral value (NULL, 0). */
const char *
toml_value_string (const toml_value *value, size_t *len); /* NUL-terminated; may hold NUL bytes inside: compare @len */
int64_t toml_value_integer (const toml_value *value);
double toml_value_float (const toml_value *value);
int toml_value_boolean (const toml_value *value);
const struct toml_datetime *toml_value_datetime (const toml_value *value);

size_t toml_array_length (const toml_value *array);
const toml_value *toml_array_get (const toml_value *array, size_t index);
size_t toml_table_length (const toml_value *table);
/** The @index-th value in the order of the text, its key in @key (nullable); NULL and an untouched @key past the end. */
const toml_value *toml_table_at (const toml_value *table, size_t index, struct toml_key *key);
/** The value of a NUL-terminated @key, or NULL. Takes logarithmic time, whoever chose the keys. */
const toml_value *toml_table_get (const toml_value *table, const char *key);

#ifdef __cplusplus
}
#endif
#endif
