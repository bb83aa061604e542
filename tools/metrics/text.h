/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: writes Prometheus' text format, version 0.0.4; knows no metric. */
#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include <glib.h>

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** One label; a list of them ends with one without a name. A value may be any text. */
typedef struct metrics_label {
  const char *name, *value;
} metrics_label;

/** The two lines in front of a family's samples. @type is "gauge", "counter" or "histogram"; @help is one line. */
void metrics_text_family (GString *text, const char *name, const char *type, const char *help);
void metrics_text_uint (GString *text, const char *name, const metrics_label *labels, guint64 value);
void metrics_text_double (GString *text, const char *name, const metrics_label *labels, double value);
/** A label's value as it stands between quotes. */
void metrics_text_escape (GString *text, const char *value);

#endif
