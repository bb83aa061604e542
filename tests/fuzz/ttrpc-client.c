/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: bytes from a peer to the ttrpc client, which has one call (stream 1) in flight. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ttrpc/ttrpc.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct wire {
  const uint8_t *data;
  size_t size, at;
  pthread_mutex_t lock;
  pthread_cond_t cond;
  bool asked; /* the request is out: now the replies may come */
};

static int64_t
wire_read (void *ctx, void *buf, size_t len)
{
  struct wire *wire = ctx;
  pthread_mutex_lock (&wire->lock);
  while (!wire->asked)
    pthread_cond_wait (&wire->cond, &wire->lock);
  pthread_mutex_unlock (&wire->lock);
  size_t n = wire->size - wire->at < len ? wire->size - wire->at : len;
  memcpy (buf, wire->data + wire->at, n);
  wire->at += n;
  return (int64_t) n;
}

static void
wire_go (void *ctx)
{
  struct wire *wire = ctx;
  pthread_mutex_lock (&wire->lock);
  wire->asked = true;
  pthread_cond_signal (&wire->cond);
  pthread_mutex_unlock (&wire->lock);
}

static int64_t
wire_write (void *ctx, const void *buf, size_t len)
{
  wire_go (ctx);
  return (int64_t) len;
}

static void
wire_close (void *ctx)
{
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct wire wire = { .data = data, .size = size };
  struct ttrpc_io io = { &wire, wire_read, wire_write, wire_go, wire_close };
  struct ttrpc_reply reply;
  ttrpc_client *client;

  pthread_mutex_init (&wire.lock, NULL);
  pthread_cond_init (&wire.cond, NULL);
  if (ttrpc_client_new (&client, &io) == 0) {
    ttrpc_client_call (client, "t", "echo", "hi", 2, -1, &reply);
    if (reply.code == TTRPC_OK && (reply.payload == NULL) != (reply.payload_len == 0))
      abort ();
    ttrpc_reply_clear (&reply);
    ttrpc_client_free (client);
  }
  pthread_cond_destroy (&wire.cond);
  pthread_mutex_destroy (&wire.lock);
  return 0;
}
