/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram: how long things took, counted by threads at the same time, in Kata's buckets. */
#ifndef METRICS_HISTOGRAM_H
#define METRICS_HISTOGRAM_H

#include "metrics/text.h"

#define METRICS_BUCKETS 10 /* up to 1, 2, 4, … 512 ms */

typedef struct metrics_histogram {
  guint64 buckets[METRICS_BUCKETS + 1]; /* atomic; not yet summed up; the last one: longer */
  guint64 sum_us;                       /* atomic */
} metrics_histogram;

void metrics_histogram_add (metrics_histogram *histogram, gint64 us);
/** Its samples; a histogram without any writes nothing. @labels may be NULL. */
void
metrics_histogram_write (GString *text, const char *name, const metrics_label *labels, metrics_histogram *histogram);

#endif
