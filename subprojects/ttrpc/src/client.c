/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a client: made over a stream, lost, freed. Calls are in client-call.c, its threads in client-threads.c. */
#include "client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ttrpc__client_thread (pthread_t *out, void *(*fn) (void *), ttrpc_client *client)
{
  sigset_t all, old;
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  int r = pthread_create (out, NULL, fn, client);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  return -r;
}

void
ttrpc__client_lose (ttrpc_client *client, const char *what, int error)
{
  if (client->closed)
    return;
  client->closed = true;
  if (error == 0)
    snprintf (client->why, sizeof client->why, "%s", what);
  else
    snprintf (client->why, sizeof client->why, "%s: errno %d", what, error);
  pthread_cond_broadcast (&client->to_write);
}

/* Everything but the threads; NULL without memory. */
static ttrpc_client *
client_alloc (const struct ttrpc_io *io)
{
  ttrpc_client *client = calloc (1, sizeof *client);
  if (client == NULL)
    return NULL;
  client->refs = 1;
  client->io = *io;
  client->next_stream = 1;
  client->queue_tail = &client->queue_head;
  if (pthread_mutex_init (&client->lock, NULL) != 0)
    goto no_lock;
  if (ttrpc__cond_init (&client->to_write) < 0)
    goto no_write;
  if (ttrpc__cond_init (&client->to_keep) < 0)
    goto no_keep;
  return client;
no_keep:
  pthread_cond_destroy (&client->to_write);
no_write:
  pthread_mutex_destroy (&client->lock);
no_lock:
  free (client);
  return NULL;
}

static void
client_destroy (ttrpc_client *client)
{
  pthread_cond_destroy (&client->to_keep);
  pthread_cond_destroy (&client->to_write);
  pthread_mutex_destroy (&client->lock);
  free (client);
}

void
ttrpc__client_unref_locked (ttrpc_client *client)
{
  bool last = --client->refs == 0;
  pthread_mutex_unlock (&client->lock);
  if (last)
    client_destroy (client);
}

int
ttrpc_client_new (ttrpc_client **out, const struct ttrpc_io *io)
{
  ttrpc_client *client = client_alloc (io);
  if (client == NULL) {
    io->close (io->ctx);
    return -ENOMEM;
  }
  int r = ttrpc__client_thread (&client->reader, ttrpc__client_reader, client);
  if (r == 0) {
    r = ttrpc__client_thread (&client->writer, ttrpc__client_writer, client);
    if (r == 0) {
      *out = client;
      return 0;
    }
    client->io.shutdown (client->io.ctx);
    pthread_join (client->reader, NULL);
  }
  client->io.close (client->io.ctx);
  client_destroy (client);
  return r;
}

void
ttrpc_client_free (ttrpc_client *client)
{
  if (client == NULL)
    return;
  pthread_mutex_lock (&client->lock);
  ttrpc__client_lose (client, "closed by this side", 0);
  client->stopping = true;
  pthread_cond_broadcast (&client->to_keep);
  pthread_mutex_unlock (&client->lock);

  client->io.shutdown (client->io.ctx);
  pthread_join (client->reader, NULL);
  pthread_join (client->writer, NULL);
  /* Nobody starts it any more: calls are refused since the loss above, under the same lock. */
  if (client->keeper_runs)
    pthread_join (client->keeper, NULL);
  client->io.close (client->io.ctx);

  pthread_mutex_lock (&client->lock);
  ttrpc__client_unref_locked (client);
}

int
ttrpc_client_is_closed (ttrpc_client *client, const char **why)
{
  pthread_mutex_lock (&client->lock);
  bool closed = client->closed;
  pthread_mutex_unlock (&client->lock);
  /* Written once, before closed was seen to be set. */
  if (why != NULL)
    *why = closed ? client->why : NULL;
  return closed;
}
