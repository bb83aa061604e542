/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor: serves one sandbox's metrics and status on a socket in a directory of the process that holds the sandbox. */
#ifndef METRICS_MONITOR_H
#define METRICS_MONITOR_H

#include "metrics/socket.h"
#include "metrics/text.h"
#include "metrics/write.h"

/** Where it all comes from. Both functions are called in a thread of the monitor's and must not block. */
typedef struct metrics_source {
  metrics_about about; /* copied */
  /** A new reference; NULL while there is no sandbox. */
  kata_sandbox *(*sandbox) (void *data);
  /** (nullable): metrics of the process's own; each sample has @labels. */
  void (*extra) (void *data, GString *text, const metrics_label *labels);
  void *data;
} metrics_source;

typedef struct metrics_monitor metrics_monitor;

/** Makes the socket and a thread; NULL with errno. @directory_fd stays the caller's. */
metrics_monitor *metrics_monitor_start (int directory_fd, const metrics_source *source);
/** Removes the socket and ends the thread, also when just then the library does not answer it. (nullable) */
void metrics_monitor_stop (metrics_monitor *monitor);

#endif
