/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker threads with small stacks: made when a job finds none idle, gone after a while without jobs. Knows no request. */
#include "pool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "clock.h"

#define IDLE_MAX         8
#define IDLE_NANOSECONDS 5000000000

struct ttrpc__worker {
  struct ttrpc__worker *next;
  struct ttrpc__pool *pool;
  pthread_t thread;
};

int
ttrpc__pool_init (struct ttrpc__pool *pool, size_t stack_size)
{
  *pool = (struct ttrpc__pool){ .stack_size = stack_size };
  pool->tail = &pool->head;
  if (pthread_mutex_init (&pool->lock, NULL) != 0)
    return -ENOMEM;
  if (ttrpc__cond_init (&pool->work) < 0)
    goto no_work;
  if (ttrpc__cond_init (&pool->left) < 0)
    goto no_left;
  return 0;
no_left:
  pthread_cond_destroy (&pool->work);
no_work:
  pthread_mutex_destroy (&pool->lock);
  return -ENOMEM;
}

/* Under the lock: waits for a job; NULL = leave. */
static struct ttrpc__job *
worker_wait (struct ttrpc__pool *pool)
{
  int64_t until = ttrpc__after (IDLE_NANOSECONDS);

  if (pool->head == NULL && pool->idle >= IDLE_MAX)
    return NULL;
  pool->idle++;
  while (pool->head == NULL && !pool->stopping && ttrpc__now () < until)
    ttrpc__cond_wait (&pool->work, &pool->lock, until);
  pool->idle--;
  struct ttrpc__job *job = pool->head;
  if (job != NULL) {
    pool->head = job->next;
    if (pool->head == NULL)
      pool->tail = &pool->head;
    pool->pending--;
  }
  return job;
}

static void *
worker_main (void *data)
{
  struct ttrpc__worker *worker = data;
  struct ttrpc__pool *pool = worker->pool;
  struct ttrpc__job *job;

  pthread_mutex_lock (&pool->lock);
  while ((job = worker_wait (pool)) != NULL) {
    pthread_mutex_unlock (&pool->lock);
    job->run (job);
    pthread_mutex_lock (&pool->lock);
  }
  worker->next = pool->dead;
  pool->dead = worker;
  pool->alive--;
  pthread_cond_signal (&pool->left);
  pthread_mutex_unlock (&pool->lock);
  return NULL;
}

/* They have nothing left to do but return, so the join is short. */
static void
workers_join (struct ttrpc__worker *dead)
{
  while (dead != NULL) {
    struct ttrpc__worker *next = dead->next;
    pthread_join (dead->thread, NULL);
    free (dead);
    dead = next;
  }
}

/* Under the lock, so that the thread's id is stored before the thread can be found among the dead. */
static int
worker_start (struct ttrpc__pool *pool)
{
  pthread_attr_t attr;
  struct ttrpc__worker *worker = malloc (sizeof *worker);
  if (worker == NULL)
    return -EAGAIN;
  if (pthread_attr_init (&attr) != 0) {
    free (worker);
    return -EAGAIN;
  }
  worker->pool = pool;
  (void) pthread_attr_setstacksize (&attr, pool->stack_size);
  int r = pthread_create (&worker->thread, &attr, worker_main, worker);
  pthread_attr_destroy (&attr);
  if (r != 0) {
    free (worker);
    return -EAGAIN;
  }
  pool->alive++;
  return 0;
}

int
ttrpc__pool_run (struct ttrpc__pool *pool, struct ttrpc__job *job)
{
  int r = 0;

  pthread_mutex_lock (&pool->lock);
  struct ttrpc__worker *dead = pool->dead;
  pool->dead = NULL;
  if (pool->pending >= pool->idle)
    r = worker_start (pool);
  if (r == 0) {
    job->next = NULL;
    *pool->tail = job;
    pool->tail = &job->next;
    pool->pending++;
    pthread_cond_signal (&pool->work);
  }
  pthread_mutex_unlock (&pool->lock);
  workers_join (dead);
  return r;
}

void
ttrpc__pool_clear (struct ttrpc__pool *pool)
{
  pthread_mutex_lock (&pool->lock);
  pool->stopping = true;
  pthread_cond_broadcast (&pool->work);
  while (pool->alive > 0)
    pthread_cond_wait (&pool->left, &pool->lock);
  struct ttrpc__worker *dead = pool->dead;
  pool->dead = NULL;
  pthread_mutex_unlock (&pool->lock);
  workers_join (dead);
  pthread_cond_destroy (&pool->left);
  pthread_cond_destroy (&pool->work);
  pthread_mutex_destroy (&pool->lock);
}
