/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* snapshot: what the library knows of a sandbox at one moment, asked for in a thread of its own, so that who wants it never waits for long. */
#ifndef METRICS_SNAPSHOT_H
#define METRICS_SNAPSHOT_H

#include <glib.h>

#include <kata/kata.h>

/** The figures of one container. */
typedef struct metrics_figures {
  char *id;
  kata_container_stats stats;
} metrics_figures;

typedef struct metrics_snapshot {
  char *inspect;      /* (nullable): kata_sandbox_inspect()'s JSON */
  GPtrArray *figures; /* metrics_figures *: of the containers that told theirs */
  char *guest;        /* (nullable): the guest's own metrics, as it wrote them */
  guint missing;      /* containers that did not tell */
  gboolean answers;   /* the guest has answered all that it was asked in time */
} metrics_snapshot;

void metrics_snapshot_free (metrics_snapshot *snapshot);

typedef struct metrics_asker metrics_asker;

metrics_asker *metrics_asker_new (void);
/** Whoever waits in metrics_asker_ask() gets NULL, now and from now on. */
void metrics_asker_stop (metrics_asker *asker);
/** A call that still waits for the library goes on without us. */
void metrics_asker_free (metrics_asker *asker);
/**
 * Takes a reference to @sandbox. NULL when the library has not answered in time; until it does, no other call is made.
 * @guest: what takes a word with the guest, too.
 */
metrics_snapshot *metrics_asker_ask (metrics_asker *asker, kata_sandbox *sandbox, gboolean guest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (metrics_snapshot, metrics_snapshot_free)

#endif
