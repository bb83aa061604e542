/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: a new thread inherits the mask of signals of the one that makes it. */
#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

GThread *
kata_thread__new (const char *name, GThreadFunc run, void *data, GError **error)
{
  sigset_t all, before;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  GThread *thread = g_thread_try_new (name, run, data, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return thread;
}
