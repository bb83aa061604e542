/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: detached threads; nothing ever joins them, they live as long as the agent or end by themselves. */
#include "thread.h"

#include <pthread.h>

int
thread_start (void *(*run) (void *), void *data)
{
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize (&attributes, AGENT_STACK_SIZE);
  int error = pthread_create (&thread, &attributes, run, data);
  pthread_attr_destroy (&attributes);
  return -error;
}
