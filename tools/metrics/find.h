/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* find: the sandboxes of a state directory that somebody serves, or has served; never out of the state directory on a name's word. */
#ifndef METRICS_FIND_H
#define METRICS_FIND_H

#include <glib.h>

/** A folder with a socket in it. */
typedef struct metrics_found {
  char *sandbox_id;
  int fd; /* of the folder */
} metrics_found;

/** metrics_found *, each sandbox once; empty when there is no state directory (yet). */
GPtrArray *metrics_find (const char *state_dir);

#endif
