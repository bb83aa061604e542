/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node: what `katactl monitor` answers: the sandboxes of one state directory, listed, and their metrics as one text. */
#ifndef METRICS_NODE_H
#define METRICS_NODE_H

#include "metrics/histogram.h"
#include "metrics/http.h"

typedef struct metrics_node {
  const char *state_dir;
  int stop_fd;       /* readable: whatever goes on, come to an end */
  gboolean any_host; /* it listens beyond the loopback, so under names that nobody here knows */
  guint64 scrapes, failed;
  metrics_histogram durations;
} metrics_node;

/** For http_server.answer; @node is a metrics_node. */
void metrics_node_answer (void *node, const http_request *request, http_answer *answer);

#endif
