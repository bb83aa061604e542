/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker threads with small stacks: made when a job finds none idle, gone after a while without jobs. Knows no request. */
#ifndef TTRPC_POOL_H
#define TTRPC_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct ttrpc__job {
  struct ttrpc__job *next;
  void (*run) (struct ttrpc__job *job); /* may free the job */
};

struct ttrpc__worker;

struct ttrpc__pool {
  pthread_mutex_t lock;
  pthread_cond_t work;
  pthread_cond_t left;
  struct ttrpc__job *head, **tail;
  unsigned pending, idle, alive;
  struct ttrpc__worker *dead; /* have left; to be joined */
  size_t stack_size;
  bool stopping;
};

/* 0 or -errno. */
int ttrpc__pool_init (struct ttrpc__pool *pool, size_t stack_size);
/* Every job starts at once, on an idle worker or a new one; how many there are is the caller's business. 0 or -EAGAIN. */
int ttrpc__pool_run (struct ttrpc__pool *pool, struct ttrpc__job *job);
/* Waits for all workers. */
void ttrpc__pool_clear (struct ttrpc__pool *pool);

#endif
