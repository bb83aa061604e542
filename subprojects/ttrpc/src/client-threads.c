/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three threads of a client: reader, writer, keeper of deadlines; what each does is in client.h. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>

/* What a frame that is not too large says to the call it names. Returns false if it says nothing to it. */
static void
reply_from_frame (struct ttrpc_reply *reply, const struct ttrpc_header *header, const uint8_t *payload)
{
  if (header->type != TTRPC_TYPE_RESPONSE)
    *reply = ttrpc__local_reply (TTRPC_INTERNAL, "the peer answered with a frame that is no response");
  else if (ttrpc__unpack_response (reply, payload, header->len) < 0)
    *reply = ttrpc__local_reply (TTRPC_INTERNAL, "the peer's response does not decode");
}

/* Reads one frame and ends the call it belongs to. A frame for nobody (late, cancelled, invented) is dropped. 1, 0 or -errno. */
static int
reader_step (ttrpc_client *client, struct ttrpc__reader *reader)
{
  struct ttrpc_header header;
  const uint8_t *payload = NULL;
  struct ttrpc_reply reply;

  int r = ttrpc__reader_header (reader, &header);
  if (r <= 0)
    return r;
  bool oversize = header.len > TTRPC_MAX_PAYLOAD;
  if (!oversize) {
    r = ttrpc__reader_payload (reader, &header, &payload);
    if (r <= 0)
      return r;
  }
  pthread_mutex_lock (&client->lock);
  bool known = ttrpc__client_find (client, header.stream) != NULL;
  pthread_mutex_unlock (&client->lock);
  if (known) {
    /* Decoded without the lock. Meanwhile the call may end by its deadline, hence the second look. */
    if (oversize)
      reply = ttrpc__local_reply (TTRPC_RESOURCE_EXHAUSTED, "the peer's response is larger than 4 MiB");
    else
      reply_from_frame (&reply, &header, payload);
    pthread_mutex_lock (&client->lock);
    ttrpc_call *call = ttrpc__client_find (client, header.stream);
    if (call != NULL)
      ttrpc__call_end (call, &reply);
    pthread_mutex_unlock (&client->lock);
    ttrpc_reply_clear (&reply);
  }
  return oversize ? ttrpc__reader_discard (reader, header.len) : 1;
}

void *
ttrpc__client_reader (void *data)
{
  ttrpc_client *client = data;
  struct ttrpc__reader reader;

  int r = ttrpc__reader_init (&reader, &client->io);
  if (r == 0) {
    do
      r = reader_step (client, &reader);
    while (r > 0);
    ttrpc__reader_clear (&reader);
  }
  pthread_mutex_lock (&client->lock);
  if (r == 0)
    ttrpc__client_lose (client, "the peer closed the connection", 0);
  else if (r == -EPIPE)
    ttrpc__client_lose (client, "the connection ended inside a frame", 0);
  else
    ttrpc__client_lose (client, "reading from the connection failed", -r);
  pthread_mutex_unlock (&client->lock);
  client->io.shutdown (client->io.ctx); /* the writer may be blocked in it */

  pthread_mutex_lock (&client->lock);
  while (client->calls != NULL) {
    struct ttrpc_reply lost = ttrpc__local_reply (TTRPC_UNAVAILABLE, client->why);
    ttrpc__call_end (client->calls, &lost);
  }
  pthread_mutex_unlock (&client->lock);
  return NULL;
}

void *
ttrpc__client_writer (void *data)
{
  ttrpc_client *client = data;

  pthread_mutex_lock (&client->lock);
  for (;;) {
    while (client->queue_head == NULL && !client->closed)
      pthread_cond_wait (&client->to_write, &client->lock);
    if (client->closed)
      break;
    ttrpc_call *call = client->queue_head;
    client->queue_head = call->queue_next;
    if (client->queue_head == NULL)
      client->queue_tail = &client->queue_head;
    pthread_mutex_unlock (&client->lock);

    /* The frame goes out whole even if the call ends meanwhile: half a frame would be the end of the connection. */
    int r = ttrpc__write_all (&client->io, call->frame.data, call->frame.len);
    free (call->frame.data);
    call->frame = (struct ttrpc__frame){ NULL, 0 };

    pthread_mutex_lock (&client->lock);
    ttrpc__call_unref_locked (call);
    if (r < 0)
      ttrpc__client_lose (client, "writing to the connection failed", -r);
  }
  pthread_mutex_unlock (&client->lock);
  client->io.shutdown (client->io.ctx); /* wakes the reader, which ends the calls */
  return NULL;
}

/* Under the lock: an asynchronous call that is to be ended now, or NULL and the next deadline. */
static ttrpc_call *
keeper_pick (ttrpc_client *client, int64_t *next)
{
  int64_t now = ttrpc__now ();
  *next = TTRPC__NEVER;
  for (ttrpc_call *call = client->calls; call != NULL; call = call->next) {
    if (call->done == NULL)
      continue;
    if (call->cancelled || call->deadline <= now)
      return call;
    if (call->deadline < *next)
      *next = call->deadline;
  }
  return NULL;
}

void *
ttrpc__client_keeper (void *data)
{
  ttrpc_client *client = data;

  pthread_mutex_lock (&client->lock);
  while (!client->stopping) {
    int64_t next;
    ttrpc_call *call = keeper_pick (client, &next);
    if (call == NULL) {
      ttrpc__cond_wait (&client->to_keep, &client->lock, next);
      continue;
    }
    struct ttrpc_reply reply = call->cancelled
                                   ? ttrpc__local_reply (TTRPC_CANCELLED, "cancelled by this side")
                                   : ttrpc__local_reply (TTRPC_DEADLINE_EXCEEDED, "no reply within the time-out");
    ttrpc__call_end (call, &reply);
  }
  pthread_mutex_unlock (&client->lock);
  return NULL;
}
