/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* write: a sandbox as metrics and as status, from a snapshot; which names there are is told in docs/monitor.md. */
#ifndef METRICS_WRITE_H
#define METRICS_WRITE_H

#include "metrics/snapshot.h"

/** Who tells. */
typedef struct metrics_about {
  const char *sandbox_id;
  const char *served_by; /* "shim", "keeper" or "katactl" */
} metrics_about;

/** @snapshot may be NULL: the library did not answer; @exists FALSE: there is no sandbox now. */
void metrics_write (GString *text, const metrics_about *about, gboolean exists, const metrics_snapshot *snapshot);
/** The status as JSON, in one line. */
void
metrics_write_status (GString *text, const metrics_about *about, gboolean exists, const metrics_snapshot *snapshot);

#endif
