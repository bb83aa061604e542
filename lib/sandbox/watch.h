/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: the thread behind a sandbox's events: sees the guest end, the state file change, containers exit, memory run out. */
#ifndef KATA_SANDBOX_WATCH_H
#define KATA_SANDBOX_WATCH_H

#include "sandbox/events.h"

/** Only events.c and watch.c look inside. */
struct kata_events {
  gatomicrefcount refs;  /* the handle's, and one for each call in flight */
  kata_sandbox *sandbox; /* borrowed: the handle stops the thread before it goes; calls in flight do not use it */
  GThread *thread;
  int ready_fd;   /* readable while the queue is not empty */
  int wake_fd;    /* wakes the thread */
  int inotify_fd; /* on the sandbox's directory */
  GMutex lock;    /* all below */
  GCond changed;
  GQueue queue; /* kata_event */
  bool overrun, stop;
  int last_state;
  unsigned n_states;   /* how often it changed */
  GHashTable *watched; /* containers whose end is waited for → number of the watch */
  guint n_watched;     /* watches so far */
  GHashTable *exits;   /* container → status + 1, to be written to the state file */
  bool oom_pending, oom_unsupported;
  int64_t oom_since_us; /* how often it was asked for since: n_ooms */
  guint n_ooms;
};

int kata_watch__start (struct kata_events *events, kata_error **err);
/** @again: even if a container of that id is watched already. */
void kata_watch__container (struct kata_events *events, kata_link *link, const char *id, bool again);

struct kata_events *kata_events__ref (struct kata_events *events);
void kata_events__unref (struct kata_events *events);
void kata_events__push (struct kata_events *events, const kata_event *event);
/** Once per change, whoever notices it. */
void kata_events__push_state (struct kata_events *events, int state);
/** What was read from the file when @n_states was so: forgotten if somebody has said something newer since. */
void kata_events__push_seen (struct kata_events *events, int state, unsigned n_states);
unsigned kata_events__n_states (struct kata_events *events);
void kata_events__signal (int fd);
void kata_events__quiet (int fd);

#endif
