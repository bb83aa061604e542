/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read: one line of Prometheus' text format, strictly; what families are is merge.c. */
#include "metrics/read.h"

#include <string.h>

#define NAME_MAX_BYTES 256u
#define LINE_MAX_BYTES 16384u

struct cursor {
  const char *at, *end;
};

gboolean
metrics_slice_is (metrics_slice slice, const char *text)
{
  return strlen (text) == slice.length && memcmp (slice.at, text, slice.length) == 0;
}

static gboolean
take (struct cursor *c, char wanted)
{
  if (c->at == c->end || *c->at != wanted)
    return FALSE;
  c->at++;
  return TRUE;
}

static gboolean
take_name (struct cursor *c, metrics_slice *out, gboolean colons)
{
  out->at = c->at;
  while (c->at < c->end && (g_ascii_isalpha (*c->at) || *c->at == '_' || (colons && *c->at == ':') ||
                            (c->at > out->at && g_ascii_isdigit (*c->at))))
    c->at++;
  out->length = (gsize) (c->at - out->at);
  return out->length > 0 && out->length <= NAME_MAX_BYTES;
}

/* Behind the opening quote; takes the closing one. */
static gboolean
take_quoted (struct cursor *c, metrics_slice *out)
{
  out->at = c->at;
  for (; c->at < c->end && *c->at != '"'; c->at++)
    if (*c->at == '\\' && (++c->at == c->end || !strchr ("\\n\"", *c->at)))
      return FALSE;
  out->length = (gsize) (c->at - out->at);
  return take (c, '"');
}

static gboolean
take_label (struct cursor *c, metrics_slice *name, metrics_slice *value)
{
  return take_name (c, name, FALSE) && take (c, '=') && take (c, '"') && take_quoted (c, value);
}

static gboolean
take_labels (struct cursor *c, metrics_slice *out)
{
  metrics_slice name, value;
  *out = (metrics_slice){ c->at, 0 };
  if (!take (c, '{'))
    return TRUE;
  out->at = c->at;
  while (c->at < c->end && *c->at != '}') {
    if (!take_label (c, &name, &value))
      return FALSE;
    if (!take (c, ','))
      break;
  }
  out->length = (gsize) (c->at - out->at);
  return take (c, '}');
}

static gboolean
is_number (const char *text)
{
  char *end;
  if (g_str_equal (text, "NaN") || g_str_equal (text, "+Inf") || g_str_equal (text, "-Inf"))
    return TRUE;
  if (!g_ascii_isdigit (*text) && *text != '-' && *text != '+' && *text != '.')
    return FALSE;
  if (strspn (text, "0123456789+-.eE") != strlen (text))
    return FALSE;
  g_ascii_strtod (text, &end);
  return *end == 0;
}

/* The value, and a time in milliseconds if there is one. */
static gboolean
check_value (metrics_slice rest)
{
  char text[96];
  if (rest.length == 0 || rest.length >= sizeof text)
    return FALSE;
  memcpy (text, rest.at, rest.length);
  text[rest.length] = 0;
  char *blank = strchr (text, ' ');
  if (blank) {
    *blank++ = 0;
    gsize sign = *blank == '-';
    if (!blank[sign] || strspn (blank + sign, "0123456789") != strlen (blank + sign))
      return FALSE;
  }
  return is_number (text);
}

static gboolean
is_type (metrics_slice slice)
{
  static const char *const types[] = { "counter", "gauge", "histogram", "summary", "untyped" };
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    if (metrics_slice_is (slice, types[i]))
      return TRUE;
  return FALSE;
}

/* "# HELP name text" and "# TYPE name type"; any other line that begins with "#" is a comment. */
static gboolean
read_comment (metrics_line *out, struct cursor c)
{
  gsize length = (gsize) (c.end - c.at);
  out->kind = METRICS_LINE_COMMENT;
  if (length >= 7 && memcmp (c.at, "# HELP ", 7) == 0)
    out->kind = METRICS_LINE_HELP;
  else if (length >= 7 && memcmp (c.at, "# TYPE ", 7) == 0)
    out->kind = METRICS_LINE_TYPE;
  else
    return TRUE;
  c.at += 7;
  if (!take_name (&c, &out->name, TRUE) || (c.at < c.end && !take (&c, ' ')))
    return FALSE;
  out->rest = (metrics_slice){ c.at, (gsize) (c.end - c.at) };
  return out->kind == METRICS_LINE_HELP || is_type (out->rest);
}

gboolean
metrics_read_line (metrics_line *out, const char *line, gsize length)
{
  struct cursor c = { line, line + length };
  *out = (metrics_line){ .kind = METRICS_LINE_EMPTY };
  if (length > LINE_MAX_BYTES || !g_utf8_validate (line, (gssize) length, NULL))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if ((guchar) line[i] < 0x20 || line[i] == 0x7f)
      return FALSE;
  if (length == 0)
    return TRUE;
  if (*line == '#')
    return read_comment (out, c);
  out->kind = METRICS_LINE_SAMPLE;
  if (!take_name (&c, &out->name, TRUE) || !take_labels (&c, &out->labels) || !take (&c, ' '))
    return FALSE;
  out->rest = (metrics_slice){ c.at, (gsize) (c.end - c.at) };
  return check_value (out->rest);
}

gboolean
metrics_read_label (metrics_slice *labels, metrics_slice *name, metrics_slice *value)
{
  struct cursor c = { labels->at, labels->at + labels->length };
  if (c.at == c.end || !take_label (&c, name, value))
    return FALSE;
  take (&c, ',');
  *labels = (metrics_slice){ c.at, (gsize) (c.end - c.at) };
  return TRUE;
}
