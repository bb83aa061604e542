/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The insides of a client, shared by its three files: client.c (life), client-call.c (calls), client-threads.c (the threads). */
#ifndef TTRPC_CLIENT_H
#define TTRPC_CLIENT_H
#include <pthread.h>
#include <stdbool.h>

#include "envelope.h"
#include "clock.h"

/*
 * Lock order: there is one lock, @lock. It is never held in io, in a callback, or while joining.
 *
 * reader  takes frames off the wire and ends the calls they answer; on its way out it ends all calls that are left
 * writer  sends the queue; callers never write themselves, so a peer that does not read costs no caller its deadline, and a
 *         callback on the reader may start calls without a deadlock
 * keeper  runs from the first asynchronous call on: ends those that are cancelled or out of time
 *
 * A call is in @calls exactly as long as nobody has ended it: who unlinks it (under the lock) delivers its reply.
 */
struct ttrpc_client {
  unsigned refs; /* the owner's and one per call: a handle may outlive ttrpc_client_free() */
  struct ttrpc_io io;
  pthread_mutex_t lock;
  pthread_cond_t to_write; /* the queue is no longer empty, or the connection is lost */
  pthread_cond_t to_keep;  /* a call with a deadline came, one was cancelled, or the client stops */
  ttrpc_call *calls;
  ttrpc_call *queue_head, **queue_tail;
  uint64_t next_stream;
  bool closed; /* no new calls; the reason is in why */
  bool stopping;
  bool keeper_runs;
  char why[128];
  pthread_t reader, writer, keeper;
};

struct ttrpc_call {
  unsigned refs; /* under the client's lock: list, queue, handle */
  ttrpc_client *client;
  ttrpc_call *next, **link; /* in client->calls; link NULL once ended */
  ttrpc_call *queue_next;
  struct ttrpc__frame frame;
  uint32_t stream;
  int64_t deadline;
  bool cancelled;
  ttrpc_done_fn done; /* NULL: a blocking call, which waits on @ended for @reply */
  void *user;
  pthread_cond_t ended;
  struct ttrpc_reply reply;
};

void *ttrpc__client_reader (void *client);
void *ttrpc__client_writer (void *client);
void *ttrpc__client_keeper (void *client);
/* A thread of the library's takes no signals: the program's handlers belong to the program's threads. 0 or -errno. */
int ttrpc__client_thread (pthread_t *out, void *(*fn) (void *), ttrpc_client *client);

/* Under the lock. The first reason stays. */
void ttrpc__client_lose (ttrpc_client *client, const char *what, int error);
void ttrpc__client_unref_locked (ttrpc_client *client);

/* Under the lock: the call with this id that nobody has ended yet. */
ttrpc_call *ttrpc__client_find (ttrpc_client *client, uint32_t stream);
/* Under the lock, which it gives up while a callback runs: ends a call that is still in the list; takes what is in @reply. */
void ttrpc__call_end (ttrpc_call *call, struct ttrpc_reply *reply);
void ttrpc__call_unref_locked (ttrpc_call *call);

#endif
