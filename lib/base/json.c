/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json: the strict parser: one pass, no recursion, limits checked before memory is taken. */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json-text.h"

struct parser {
  kata_arena *arena;
  const char *text, *pos, *end;
  int code;
  kata_error **err;
  uint32_t depth, depth_max, n_values, values_max;
  const kata_json *at;                          /* what is being read: errors are about it, else about `top` */
  kata_json *top;                               /* the array or object that is open, NULL at the top level */
  kata_json **tail[KATA_JSON_DEPTH_LIMIT + 1];  /* per depth: where the next element is linked */
  GHashTable *names[KATA_JSON_DEPTH_LIMIT + 1]; /* per depth: the names of an object with many members */
};

/* Up to so many members a walk along the list finds duplicates faster than a hash table is made. */
#define NAMES_WALK_MAX 16u

static int
parser_fail (struct parser *p, int code, const char *why)
{
  unsigned line = 1, column = 1;
  for (const char *c = p->text; c < p->pos; c++) {
    column++;
    if (*c == '\n') {
      line++;
      column = 1;
    }
  }
  g_autofree char *path = kata_json__path (p->at != NULL ? p->at : p->top);
  return kata_error__set (p->err, code, path, "%s: %s (line %u, column %u)", path, why, line, column);
}

static void
skip_space (struct parser *p)
{
  while (p->pos < p->end && (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\n' || *p->pos == '\r'))
    p->pos++;
}

static int
parse_string (struct parser *p, const char **out)
{
  const char *why = NULL;
  const char *next = kata_json__unquote (p->arena, p->pos, p->end, out, &why);
  if (next == NULL)
    return parser_fail (p, p->code, why);
  p->pos = next;
  return 0;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static int
parse_number (struct parser *p, kata_json *value)
{
  const char *next = kata_json__number_end (p->pos, p->end);
  if (next == NULL)
    return parser_fail (p, p->code, "this is not a number");
  value->text = kata_arena__strndup (p->arena, p->pos, (size_t) (next - p->pos));
  if (!isfinite (g_ascii_strtod (value->text, NULL)))
    return parser_fail (p, p->code, "the number is too large");
  p->pos = next;
  return 0;
}

static bool
take_word (struct parser *p, const char *word)
{
  size_t len = strlen (word);
  if ((size_t) (p->end - p->pos) < len || memcmp (p->pos, word, len) != 0)
    return false;
  p->pos += len;
  return true;
}

static bool
has_member (struct parser *p, const char *name)
{
  if (p->top->n <= NAMES_WALK_MAX) {
    for (const kata_json *member = p->top->first; member != NULL; member = member->next)
      if (strcmp (member->name, name) == 0)
        return true;
    return false;
  }
  GHashTable **names = &p->names[p->depth];
  if (*names == NULL) {
    *names = g_hash_table_new (g_str_hash, g_str_equal);
    for (const kata_json *member = p->top->first; member != NULL; member = member->next)
      g_hash_table_add (*names, (gpointer) member->name);
  }
  return !g_hash_table_add (*names, (gpointer) name);
}

/* The `"name":` in front of a member. */
static int
parse_name (struct parser *p, const char **name)
{
  if (p->pos == p->end || *p->pos != '"')
    return parser_fail (p, p->code, "a member's name in double quotes is expected");
  int rc = parse_string (p, name);
  if (rc < 0)
    return rc;
  if (has_member (p, *name)) {
    g_autofree char *why = g_strdup_printf ("the member \"%s\" is there twice", *name);
    return parser_fail (p, p->code, why);
  }
  skip_space (p);
  if (p->pos == p->end || *p->pos != ':')
    return parser_fail (p, p->code, "a colon is expected after the member's name");
  p->pos++;
  skip_space (p);
  return 0;
}

static int
open_container (struct parser *p, kata_json *value, int type)
{
  value->type = type;
  if (p->depth == p->depth_max)
    return parser_fail (p, KATA_E_LIMIT, "arrays and objects are nested too deeply");
  p->pos++;
  p->depth++;
  p->top = value;
  p->tail[p->depth] = (kata_json **) &value->first;
  return 0;
}

static int
parse_scalar (struct parser *p, kata_json *value)
{
  if (*p->pos == '"') {
    value->type = KATA_JSON_STRING;
    return parse_string (p, &value->text);
  }
  if (*p->pos == '-' || g_ascii_isdigit (*p->pos)) {
    value->type = KATA_JSON_NUMBER;
    return parse_number (p, value);
  }
  if (take_word (p, "null"))
    return 0;
  value->type = KATA_JSON_BOOL;
  value->truth = take_word (p, "true");
  if (value->truth || take_word (p, "false"))
    return 0;
  return parser_fail (p, p->code, "a value is expected");
}

/* One value with its name, linked into what is open; an array or object is only opened. */
static int
parse_value (struct parser *p, kata_json **out)
{
  const char *name = NULL;
  int rc = p->top != NULL && p->top->type == KATA_JSON_OBJECT ? parse_name (p, &name) : 0;
  if (rc < 0)
    return rc;
  if (p->pos == p->end)
    return parser_fail (p, p->code, "the text ends where a value is expected");
  if (++p->n_values > p->values_max)
    return parser_fail (p, KATA_E_LIMIT, "there are too many values");

  kata_json *value = kata_arena__new0 (p->arena, kata_json, 1);
  value->name = name;
  value->parent = p->top;
  if (p->top != NULL) {
    value->index = p->top->n++;
    *p->tail[p->depth] = value;
    p->tail[p->depth] = (kata_json **) &value->next;
  }
  *out = value;
  p->at = value;
  if (*p->pos == '{')
    return open_container (p, value, KATA_JSON_OBJECT);
  if (*p->pos == '[')
    return open_container (p, value, KATA_JSON_ARRAY);
  return parse_scalar (p, value);
}

static void
close_container (struct parser *p)
{
  g_clear_pointer (&p->names[p->depth], g_hash_table_unref);
  p->pos++;
  p->depth--;
  p->top = (kata_json *) p->top->parent;
}

/* After a value: closes what ends here. Leaves `pos` at the next value, or top = NULL at the end. */
static int
parse_separator (struct parser *p, bool fresh)
{
  p->at = NULL;
  while (p->top != NULL) {
    char closer = p->top->type == KATA_JSON_OBJECT ? '}' : ']';
    skip_space (p);
    if (p->pos == p->end)
      return parser_fail (p, p->code, "the text ends inside an array or object");
    if (*p->pos == closer) {
      close_container (p);
      fresh = false;
    } else if (fresh) {
      return 0;
    } else if (*p->pos == ',') {
      p->pos++;
      skip_space (p);
      return 0;
    } else {
      return parser_fail (p, p->code, closer == '}' ? "a comma or } is expected" : "a comma or ] is expected");
    }
  }
  return 0;
}

static int
parse_document (struct parser *p, const kata_json **out)
{
  kata_json *root = NULL, *value = NULL;
  int rc;

  skip_space (p);
  do {
    uint32_t before = p->depth;
    rc = parse_value (p, &value);
    if (rc < 0)
      return rc;
    if (root == NULL)
      root = value;
    rc = parse_separator (p, p->depth > before);
    if (rc < 0)
      return rc;
  } while (p->top != NULL);
  skip_space (p);
  if (p->pos != p->end)
    return parser_fail (p, p->code, "there is something after the end of the JSON value");
  *out = root;
  return 0;
}

int
kata_json__parse (const kata_json **out, kata_arena *arena, const char *text, size_t len,
                  const struct kata_json_limits *limits, int code, kata_error **err)
{
  struct parser p = { .arena = arena, .text = text, .pos = text, .end = text + len, .code = code, .err = err };
  size_t bytes_max = limits != NULL && limits->bytes > 0 ? limits->bytes : KATA_JSON_BYTES_MAX;
  p.depth_max = limits != NULL && limits->depth > 0 ? limits->depth : KATA_JSON_DEPTH_MAX;
  p.depth_max = MIN (p.depth_max, KATA_JSON_DEPTH_LIMIT);
  p.values_max = limits != NULL && limits->values > 0 ? limits->values : KATA_JSON_VALUES_MAX;

  if (len > bytes_max)
    return kata_error__set (err, KATA_E_LIMIT, "$", "$: the JSON text has %zu bytes; at most %zu are read", len,
                            bytes_max);
  const char *bad = NULL;
  if (!g_utf8_validate (text, (gssize) len, &bad)) { /* refuses NUL too */
    p.pos = bad;
    return parser_fail (&p, code, *bad == '\0' ? "there is a NUL byte" : "this is not valid UTF-8");
  }
  int rc = parse_document (&p, out);
  for (size_t i = 0; i < G_N_ELEMENTS (p.names); i++)
    g_clear_pointer (&p.names[i], g_hash_table_unref);
  return rc;
}
