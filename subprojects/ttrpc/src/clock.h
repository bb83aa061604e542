/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deadlines on the monotonic clock in nanoseconds; INT64_MAX means none. */
#ifndef TTRPC_CLOCK_H
#define TTRPC_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define TTRPC__NEVER INT64_MAX

static inline int64_t
ttrpc__now (void)
{
  struct timespec ts;
  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Saturates; a negative @nanoseconds lies in the past. */
static inline int64_t
ttrpc__after (int64_t nanoseconds)
{
  int64_t sum;
  if (__builtin_add_overflow (ttrpc__now (), nanoseconds, &sum))
    return nanoseconds < 0 ? 0 : TTRPC__NEVER;
  return sum < 0 ? 0 : sum;
}

static inline struct timespec
ttrpc__timespec (int64_t deadline)
{
  return (struct timespec){ .tv_sec = (time_t) (deadline / 1000000000), .tv_nsec = (long) (deadline % 1000000000) };
}

/* A condition that waits on the same clock; 0 or -errno. */
static inline int
ttrpc__cond_init (pthread_cond_t *cond)
{
  pthread_condattr_t attr;
  int r = pthread_condattr_init (&attr);
  if (r != 0)
    return -r;
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  r = pthread_cond_init (cond, &attr);
  pthread_condattr_destroy (&attr);
  return -r;
}

/* Waits until signalled or @deadline. */
static inline void
ttrpc__cond_wait (pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
  if (deadline == TTRPC__NEVER) {
    pthread_cond_wait (cond, lock);
    return;
  }
  struct timespec ts = ttrpc__timespec (deadline);
  pthread_cond_timedwait (cond, lock, &ts);
}

#endif
