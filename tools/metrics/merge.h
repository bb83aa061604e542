/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* merge: several texts of metrics become one, with one HELP and TYPE for each family; what is not right is refused. */
#ifndef METRICS_MERGE_H
#define METRICS_MERGE_H

#include <glib.h>

typedef struct metrics_merge metrics_merge;

/** What a text may hold. */
typedef struct metrics_merge_rules {
  const char *sandbox_id;      /* (nullable): each sample is about this sandbox: */
  gboolean add_id;             /* it gets the label, and may not have one; else it has it already */
  const char *const *prefixes; /* (nullable): a family's name begins with one of these */
} metrics_merge_rules;

metrics_merge *metrics_merge_new (void);
void metrics_merge_free (metrics_merge *merge);
/**
 * Adds all of @text, or nothing (FALSE) when a line is not of the format, a rule is broken, a sample comes twice, or a family is in pieces.
 * A family whose type differs from an earlier text's is left out.
 */
gboolean metrics_merge_add (metrics_merge *merge, const char *text, gsize length, const metrics_merge_rules *rules);
/** Appends everything to @out, families in the order of their first coming. */
void metrics_merge_write (metrics_merge *merge, GString *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (metrics_merge, metrics_merge_free)

#endif
