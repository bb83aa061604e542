/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read: one line of Prometheus' text format, strictly; what families are is merge.c. */
#ifndef METRICS_READ_H
#define METRICS_READ_H

#include <glib.h>

enum metrics_line_kind {
  METRICS_LINE_EMPTY,
  METRICS_LINE_COMMENT,
  METRICS_LINE_HELP,
  METRICS_LINE_TYPE,
  METRICS_LINE_SAMPLE
};

/** Part of a line. */
typedef struct metrics_slice {
  const char *at;
  gsize length;
} metrics_slice;

typedef struct metrics_line {
  int kind;
  metrics_slice name;   /* of the metric */
  metrics_slice labels; /* what is between the braces, as it is written; a sample's */
  metrics_slice rest;   /* a help's text, a type, a sample's value (and time) */
} metrics_line;

/** Reads @length bytes without the line feed. FALSE: no line of the format. */
gboolean metrics_read_line (metrics_line *out, const char *line, gsize length);
/** Takes the next label from @labels, which metrics_read_line() has found right; its value is still escaped. FALSE: there is none. */
gboolean metrics_read_label (metrics_slice *labels, metrics_slice *name, metrics_slice *value);
gboolean metrics_slice_is (metrics_slice slice, const char *text);

#endif
