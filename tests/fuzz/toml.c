/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the TOML parser and walks over whatever it accepts. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <toml/toml.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
walk (const toml_value *value, unsigned depth)
{
  struct toml_key key;
  size_t length = 0;
  const char *text = toml_value_string (value, &length);
  enum toml_type type = toml_value_type (value);
  bool inner = type == TOML_TABLE || type == TOML_ARRAY;
  /* The limit is for tables and arrays; what is no such thing may lie in the deepest. */
  if (depth > (inner ? 64u : 65u) || toml_value_line (value) == 0 || toml_value_column (value) == 0 ||
      (text != NULL && text[length] != '\0'))
    __builtin_trap ();
  for (size_t i = 0; i < toml_array_length (value); i++)
    walk (toml_array_get (value, i), depth + 1);
  for (size_t i = 0; i < toml_table_length (value); i++) {
    const toml_value *child = toml_table_at (value, i, &key);
    if (strlen (key.text) == key.length && toml_table_get (value, key.text) != child)
      __builtin_trap ();
    walk (child, depth + 1);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  toml_document *document = NULL;
  struct toml_error error = { 0 };
  int r = toml_parse (&document, (const char *) data, size, NULL, &error);
  if (r < 0 && (document != NULL || error.line == 0 || error.column == 0 || error.message[0] == '\0'))
    __builtin_trap ();
  if (r == 0)
    walk (toml_document_root (document), 0);
  toml_document_free (document);
  return 0;
}
