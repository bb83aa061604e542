/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fetch: asks many sandboxes' sockets at once; one that does not answer costs the others no more than the time limit. */
#ifndef METRICS_FETCH_H
#define METRICS_FETCH_H

#include <glib.h>

typedef struct metrics_fetch {
  int folder_fd; /* with the socket; the caller's */
  GString *body; /* out: NULL = no whole answer with status 200 */
  gint64 us;     /* out: how long it took */
} metrics_fetch;

/** GET @path from each of @n. Ends early, with what there is, when @stop_fd is readable. */
void metrics_fetch_all (metrics_fetch *fetches, gsize n, const char *path, int stop_fd);

#endif
