/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* progress: one line on stderr while something takes longer than a second; only on a terminal. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

struct progress {
  GThread *thread;
  GMutex lock;
  GCond changed;
  const char *what;
  gboolean over;
};

static void *
progress_thread (void *data)
{
  static const char spinner[] = "|/-\\";
  progress *progress = data;
  int64_t begun = g_get_monotonic_time (), next = begun + G_USEC_PER_SEC;
  unsigned turn = 0;
  g_mutex_lock (&progress->lock);
  for (;;) {
    while (!progress->over && g_cond_wait_until (&progress->changed, &progress->lock, next))
      ;
    if (progress->over)
      break;
    fprintf (stderr, "\r\033[K%c katactl: %s (%d s)", spinner[turn++ % 4], progress->what,
             (int) ((g_get_monotonic_time () - begun) / G_USEC_PER_SEC));
    fflush (stderr);
    next = g_get_monotonic_time () + G_USEC_PER_SEC / 5;
  }
  if (turn > 0)
    fputs ("\r\033[K", stderr);
  fflush (stderr);
  g_mutex_unlock (&progress->lock);
  return NULL;
}

progress *
progress_begin (ctl *ctl, const char *what)
{
  if (ctl->json || ctl->report_fd >= 0 || !isatty (STDERR_FILENO))
    return NULL;
  progress *progress = g_new0 (struct progress, 1);
  g_mutex_init (&progress->lock);
  g_cond_init (&progress->changed);
  progress->what = what;
  progress->thread = g_thread_new ("progress", progress_thread, progress);
  return progress;
}

void
progress_set (progress *progress, const char *what)
{
  if (!progress)
    return;
  g_mutex_lock (&progress->lock);
  progress->what = what;
  g_mutex_unlock (&progress->lock);
}

void
progress_end (progress **progress)
{
  struct progress *p = *progress;
  *progress = NULL;
  if (!p)
    return;
  g_mutex_lock (&p->lock);
  p->over = TRUE;
  g_cond_signal (&p->changed);
  g_mutex_unlock (&p->lock);
  g_thread_join (p->thread);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->changed);
  g_free (p);
}
