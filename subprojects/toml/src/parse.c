/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse: the left-hand side of the grammar: keys, headers, lines, the document; values are in literal.c. */
#include "parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "quoted.h"
#include "tree.h"
#include "utf8.h"

#define DEFAULT_MAX_BYTES (4u << 20)
#define DEFAULT_MAX_DEPTH 64u
#define DEFAULT_MAX_NODES 1000000u

static int
is_bare (int byte)
{
  return toml__is_digit (byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '-' ||
         byte == '_';
}

/* One part of a key, and the blanks and the dot after it: 1 when another part follows, 0 when this was the last. */
static int
parse_key (struct toml__scanner *scanner, struct toml_key *key)
{
  struct toml__place start = toml__here (scanner);
  const char *text = (const char *) scanner->at;
  size_t length = 0;
  if (toml__peek (scanner) == '"' || toml__peek (scanner) == '\'') {
    int r = toml__string (scanner, 1);
    if (r < 0)
      return r;
    text = scanner->buffer;
    length = scanner->length;
  } else {
    while (is_bare (toml__peek (scanner)))
      toml__next (scanner);
    length = (size_t) ((const char *) scanner->at - text);
    if (length == 0)
      return toml__unexpected (scanner, "a key is expected here: letters, digits, - and _, or a quoted string");
  }
  key->text = toml__arena_copy (&scanner->document->arena, text, length);
  if (!key->text)
    return toml__exhausted (scanner, start, -ENOMEM);
  key->length = length;
  key->line = start.line;
  key->column = start.column;
  toml__blanks (scanner);
  if (toml__peek (scanner) != '.')
    return 0;
  toml__next (scanner);
  toml__blanks (scanner);
  return 1;
}

int
toml__pair (struct toml__scanner *scanner, toml_value *table)
{
  struct toml_key key;
  toml_value *value;
  int more;
  while ((more = parse_key (scanner, &key)) > 0) {
    int r = toml__tree_dotted (scanner, table, &key, &table);
    if (r < 0)
      return r;
  }
  if (more < 0)
    return more;
  if (toml__peek (scanner) != '=')
    return toml__unexpected (scanner, "a key is followed by = and its value");
  toml__next (scanner);
  toml__blanks (scanner);
  int r = toml__tree_is_new (scanner, table, &key);
  if (r == 0)
    r = toml__value (scanner, table->depth, &value);
  if (r < 0)
    return r;
  r = toml__table_insert (scanner->document, table, &key, value);
  return r < 0 ? toml__exhausted (scanner, value->place, r) : 0;
}

/* [a.b] or [[a.b]]: sets *@table to the table that the next lines fill. */
static int
parse_header (struct toml__scanner *scanner, toml_value **table)
{
  int is_element = toml__peek_at (scanner, 1) == '[';
  struct toml_key key;
  toml_value *at = scanner->document->root;
  int more;
  scanner->at += is_element ? 2 : 1;
  toml__blanks (scanner);
  while ((more = parse_key (scanner, &key)) > 0) {
    int r = toml__tree_through (scanner, at, &key, &at);
    if (r < 0)
      return r;
  }
  if (more < 0)
    return more;
  for (int i = 0; i <= is_element; i++) {
    if (toml__peek (scanner) != ']')
      return toml__unexpected (scanner, is_element ? "the header of an array's table ends with ]]"
                                                   : "a table's header ends with ]");
    toml__next (scanner);
  }
  return is_element ? toml__tree_element (scanner, at, &key, table) : toml__tree_header (scanner, at, &key, table);
}

/* After a header or a pair only a comment may stand on the line. */
static int
parse_line_end (struct toml__scanner *scanner)
{
  toml__blanks (scanner);
  int r = toml__comment (scanner);
  if (r < 0)
    return r;
  if (toml__newline (scanner) == 0 && toml__peek (scanner) != TOML__END)
    return toml__unexpected (scanner, "the line should end here");
  return 0;
}

static int
parse_lines (struct toml__scanner *scanner)
{
  toml_value *table = scanner->document->root;
  for (;;) {
    int r = toml__gap (scanner);
    if (r < 0)
      return r;
    if (toml__peek (scanner) == TOML__END)
      return 0;
    r = toml__peek (scanner) == '[' ? parse_header (scanner, &table) : toml__pair (scanner, table);
    if (r == 0)
      r = parse_line_end (scanner);
    if (r < 0)
      return r;
  }
}

/* The whole text must be UTF-8, comments included, so it is checked once and for all before the grammar runs. */
static int
parse_encoding (struct toml__scanner *scanner)
{
  static const unsigned char mark[] = { 0xEF, 0xBB, 0xBF };
  if (scanner->end - scanner->at >= 3 && memcmp (scanner->at, mark, 3) == 0)
    scanner->line_start = scanner->at = scanner->at + 3;
  struct toml__scanner walk = *scanner;
  while (walk.at < walk.end) {
    size_t length = toml__utf8_length (walk.at, walk.end);
    if (length == 0)
      return toml__fail (scanner, toml__here (&walk), -EINVAL, "byte 0x%02X is not valid UTF-8", (unsigned) *walk.at);
    if (toml__newline (&walk) == 0)
      walk.at += length;
  }
  return 0;
}

static struct toml_limits
limits_of (const struct toml_limits *given)
{
  struct toml_limits limits = { .size = sizeof limits };
  if (given)
    memcpy (&limits, given, given->size < sizeof limits ? given->size : sizeof limits);
  if (limits.max_bytes == 0)
    limits.max_bytes = DEFAULT_MAX_BYTES;
  if (limits.max_bytes > UINT32_MAX - 16) /* lines and columns have 32 bits */
    limits.max_bytes = UINT32_MAX - 16;
  if (limits.max_depth == 0)
    limits.max_depth = DEFAULT_MAX_DEPTH;
  if (limits.max_nodes == 0)
    limits.max_nodes = DEFAULT_MAX_NODES;
  return limits;
}

static int
parse_text (struct toml__scanner *scanner, size_t len)
{
  toml_document *document = scanner->document;
  if (len > document->limits.max_bytes)
    return toml__fail (scanner, (struct toml__place){ 1, 1 }, -E2BIG, "the text has more than %zu bytes",
                       document->limits.max_bytes);
  int r = parse_encoding (scanner);
  if (r < 0)
    return r;
  r = toml__value_new (&document->root, document, TOML_TABLE, (struct toml__place){ 1, 1 });
  if (r < 0)
    return toml__exhausted (scanner, (struct toml__place){ 1, 1 }, r);
  document->root->origin = TOML__HEADER;
  return parse_lines (scanner);
}

int
toml_parse (toml_document **out, const char *text, size_t len, const struct toml_limits *limits,
            struct toml_error *error)
{
  const unsigned char *bytes = (const unsigned char *) (text ? text : "");
  struct toml__scanner scanner = {
    .at = bytes, .line_start = bytes, .end = bytes + (text ? len : 0), .line = 1, .error = error
  };
  toml_document *document = calloc (1, sizeof *document);
  if (!document)
    return toml__fail (&scanner, (struct toml__place){ 1, 1 }, -ENOMEM, "out of memory");
  document->limits = limits_of (limits);
  scanner.document = document;
  int r = parse_text (&scanner, (size_t) (scanner.end - scanner.at));
  free (scanner.buffer);
  if (r < 0)
    toml_document_free (document);
  else
    *out = document;
  return r;
}
