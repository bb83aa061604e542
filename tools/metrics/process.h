/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process: what /proc says of one process of the host, as metrics in Kata's words. */
#ifndef METRICS_PROCESS_H
#define METRICS_PROCESS_H

#include "metrics/text.h"

typedef struct metrics_process metrics_process;

/** Reads all of it; NULL when there is no such process (any more). */
metrics_process *metrics_process_read (gint64 pid);
void metrics_process_free (metrics_process *process);
/** Its short name, as the kernel has it. */
const char *metrics_process_name (const metrics_process *process);
/** @prefix_threads, @prefix_process_cpu_seconds_total and so on. @labels: at most four. */
void
metrics_process_write (GString *text, const char *prefix, const metrics_label *labels, const metrics_process *process);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (metrics_process, metrics_process_free)

#endif
