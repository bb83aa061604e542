/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram: how long things took, counted by threads at the same time, in Kata's buckets. */
#include "metrics/histogram.h"

#define LABELS_MAX 8u

void
metrics_histogram_add (metrics_histogram *histogram, gint64 us)
{
  guint i = 0;
  us = MAX (us, 0);
  while (i < METRICS_BUCKETS && us > (gint64) 1000 << i)
    i++;
  __atomic_fetch_add (&histogram->buckets[i], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add (&histogram->sum_us, (guint64) us, __ATOMIC_RELAXED);
}

void
metrics_histogram_write (GString *text, const char *name, const metrics_label *labels, metrics_histogram *histogram)
{
  g_autofree char *bucket = g_strconcat (name, "_bucket", NULL), *sum = g_strconcat (name, "_sum", NULL),
                  *count = g_strconcat (name, "_count", NULL);
  metrics_label all[LABELS_MAX + 2] = { { NULL, NULL } };
  guint64 counts[METRICS_BUCKETS + 1], total = 0;
  gsize n = 0;
  for (gsize i = 0; i <= METRICS_BUCKETS; i++)
    total += counts[i] = __atomic_load_n (&histogram->buckets[i], __ATOMIC_RELAXED);
  if (total == 0)
    return;
  for (; n < LABELS_MAX && labels && labels[n].name; n++)
    all[n] = labels[n];
  guint64 so_far = 0;
  for (gsize i = 0; i <= METRICS_BUCKETS; i++) {
    char edge[24] = "+Inf";
    if (i < METRICS_BUCKETS)
      g_snprintf (edge, sizeof edge, "%d", 1 << i);
    all[n] = (metrics_label){ "le", edge };
    so_far += counts[i];
    metrics_text_uint (text, bucket, all, so_far);
  }
  all[n] = (metrics_label){ NULL, NULL };
  metrics_text_double (text, sum, all, (double) __atomic_load_n (&histogram->sum_us, __ATOMIC_RELAXED) / 1000.0);
  metrics_text_uint (text, count, all, total);
}
