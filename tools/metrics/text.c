/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: writes Prometheus' text format, version 0.0.4; knows no metric. */
#include "metrics/text.h"

#include <math.h>

void
metrics_text_family (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
metrics_text_escape (GString *text, const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1);
  for (const char *c = valid; *c; c++)
    switch (*c) {
    case '\\':
      g_string_append (text, "\\\\");
      break;
    case '"':
      g_string_append (text, "\\\"");
      break;
    case '\n':
      g_string_append (text, "\\n");
      break;
    default:
      /* Other control characters are allowed, but would move the cursor of who looks at it. */
      g_string_append_c (text, (guchar) *c < 0x20 || *c == 0x7f ? '?' : *c);
    }
}

static void
begin_sample (GString *text, const char *name, const metrics_label *labels)
{
  g_string_append (text, name);
  for (const metrics_label *label = labels; label && label->name; label++) {
    g_string_append_c (text, label == labels ? '{' : ',');
    g_string_append_printf (text, "%s=\"", label->name);
    metrics_text_escape (text, label->value);
    g_string_append_c (text, '"');
  }
  g_string_append (text, labels && labels->name ? "} " : " ");
}

void
metrics_text_uint (GString *text, const char *name, const metrics_label *labels, guint64 value)
{
  begin_sample (text, name, labels);
  g_string_append_printf (text, "%" G_GUINT64_FORMAT "\n", value);
}

void
metrics_text_double (GString *text, const char *name, const metrics_label *labels, double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  begin_sample (text, name, labels);
  if (isnan (value))
    g_string_append (text, "NaN\n");
  else if (isinf (value))
    g_string_append (text, value > 0 ? "+Inf\n" : "-Inf\n");
  else
    g_string_append_printf (text, "%s\n", g_ascii_formatd (number, sizeof number, "%.15g", value));
}
