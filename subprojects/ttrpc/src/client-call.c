/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of a client: put in the queue, waited for, cancelled, ended. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>

static ttrpc_call *
call_new (struct ttrpc__frame frame, int64_t deadline)
{
  ttrpc_call *call = calloc (1, sizeof *call);
  if (call == NULL)
    return NULL;
  if (ttrpc__cond_init (&call->ended) < 0) {
    free (call);
    return NULL;
  }
  call->refs = 1;
  call->frame = frame;
  call->deadline = deadline;
  return call;
}

static void
call_destroy (ttrpc_call *call)
{
  pthread_cond_destroy (&call->ended);
  free (call->frame.data);
  free (call);
}

void
ttrpc__call_unref_locked (ttrpc_call *call)
{
  if (--call->refs > 0)
    return;
  /* The client's own reference or the caller's keeps it alive here; the last goes through ttrpc_call_unref(). */
  call->client->refs--;
  call_destroy (call);
}

ttrpc_call *
ttrpc__client_find (ttrpc_client *client, uint32_t stream)
{
  ttrpc_call *call = client->calls;
  while (call != NULL && call->stream != stream)
    call = call->next;
  return call;
}

static void
queue_remove (ttrpc_client *client, ttrpc_call *call)
{
  for (ttrpc_call **at = &client->queue_head; *at != NULL; at = &(*at)->queue_next) {
    if (*at != call)
      continue;
    *at = call->queue_next;
    if (client->queue_tail == &call->queue_next)
      client->queue_tail = at;
    ttrpc__call_unref_locked (call);
    return;
  }
}

void
ttrpc__call_end (ttrpc_call *call, struct ttrpc_reply *reply)
{
  ttrpc_client *client = call->client;

  *call->link = call->next;
  if (call->next != NULL)
    call->next->link = call->link;
  call->link = NULL;
  /* Not yet on the wire: then it never will be. */
  queue_remove (client, call);
  if (call->done == NULL) {
    call->reply = *reply;
    pthread_cond_signal (&call->ended);
  } else {
    pthread_mutex_unlock (&client->lock);
    call->done (call->user, reply);
    ttrpc_reply_clear (reply);
    pthread_mutex_lock (&client->lock);
  }
  *reply = (struct ttrpc_reply){ 0 };
  ttrpc__call_unref_locked (call);
}

/*
 * Under the lock: into the list and the queue. The caller signals @to_write when it has given up the lock, or the writer would wake up to wait for it;
 * its handle keeps the client until then. -ENOTCONN when the connection is gone, -EOVERFLOW when its ids are used up.
 */
static int
call_enqueue (ttrpc_client *client, ttrpc_call *call)
{
  if (client->closed)
    return -ENOTCONN;
  if (client->next_stream > UINT32_MAX)
    return -EOVERFLOW;
  call->stream = (uint32_t) client->next_stream;
  client->next_stream += 2;
  ttrpc__frame_set_stream (&call->frame, call->stream);

  call->client = client;
  client->refs++;
  call->refs += 2;
  call->next = client->calls;
  call->link = &client->calls;
  if (call->next != NULL)
    call->next->link = &call->next;
  client->calls = call;
  *client->queue_tail = call;
  client->queue_tail = &call->queue_next;
  return 0;
}

/* Milliseconds to what travels in the request: at least 1, because 0 means none there. */
static int64_t
timeout_nano (int64_t timeout_ms)
{
  if (timeout_ms < 0)
    return 0;
  if (timeout_ms == 0)
    return 1;
  return timeout_ms > INT64_MAX / 1000000 ? INT64_MAX : timeout_ms * 1000000;
}

/* Packs a request into a new call; 0 or -errno. */
static int
call_prepare (ttrpc_call **out, const char *service, const char *method, const void *request, size_t request_len,
              int64_t timeout_ms)
{
  struct ttrpc__frame frame;
  int64_t nano = timeout_nano (timeout_ms);
  int r = ttrpc__pack_request (&frame, service, method, request, request_len, nano);
  if (r < 0)
    return r;
  *out = call_new (frame, timeout_ms < 0 ? TTRPC__NEVER : ttrpc__after (timeout_ms == 0 ? 0 : nano));
  if (*out == NULL) {
    free (frame.data);
    return -ENOMEM;
  }
  return 0;
}

static struct ttrpc_reply
reply_for_errno (ttrpc_client *client, int error)
{
  switch (error) {
  case -EMSGSIZE:
    return ttrpc__local_reply (TTRPC_RESOURCE_EXHAUSTED, "the request is larger than 4 MiB; split it");
  case -ENOTCONN:
    return ttrpc__local_reply (TTRPC_UNAVAILABLE, client->why);
  case -EOVERFLOW:
    return ttrpc__local_reply (TTRPC_UNAVAILABLE, "the connection has no stream ids left; reconnect");
  default:
    return ttrpc__local_reply (TTRPC_RESOURCE_EXHAUSTED, "out of memory or threads");
  }
}

/* Under the lock: until somebody ended the call, or its time is over. */
static void
call_wait (ttrpc_call *call)
{
  while (call->link != NULL) {
    if (call->deadline != TTRPC__NEVER && ttrpc__now () >= call->deadline) {
      struct ttrpc_reply late = ttrpc__local_reply (TTRPC_DEADLINE_EXCEEDED, "no reply within the time-out");
      ttrpc__call_end (call, &late);
      return;
    }
    ttrpc__cond_wait (&call->ended, &call->client->lock, call->deadline);
  }
}

int
ttrpc_client_call (ttrpc_client *client, const char *service, const char *method, const void *request,
                   size_t request_len, int64_t timeout_ms, struct ttrpc_reply *reply)
{
  ttrpc_call *call;
  int r = call_prepare (&call, service, method, request, request_len, timeout_ms);
  if (r < 0) {
    *reply = reply_for_errno (client, r);
    return -1;
  }
  pthread_mutex_lock (&client->lock);
  r = call_enqueue (client, call);
  if (r < 0) {
    pthread_mutex_unlock (&client->lock);
    *reply = reply_for_errno (client, r);
    call_destroy (call);
    return -1;
  }
  pthread_mutex_unlock (&client->lock);
  pthread_cond_signal (&client->to_write);
  pthread_mutex_lock (&client->lock);
  call_wait (call);
  *reply = call->reply;
  pthread_mutex_unlock (&client->lock);
  ttrpc_call_unref (call);
  return reply->code == TTRPC_OK ? 0 : -1;
}

/* Under the lock. */
static int
keeper_start (ttrpc_client *client)
{
  if (client->keeper_runs || client->closed)
    return 0;
  int r = ttrpc__client_thread (&client->keeper, ttrpc__client_keeper, client);
  client->keeper_runs = r == 0;
  return r;
}

int
ttrpc_client_start (ttrpc_client *client, ttrpc_call **out, const char *service, const char *method,
                    const void *request, size_t request_len, int64_t timeout_ms, ttrpc_done_fn done, void *user)
{
  ttrpc_call *call;
  if (done == NULL)
    return -EINVAL;
  int r = call_prepare (&call, service, method, request, request_len, timeout_ms);
  if (r < 0)
    return r;
  call->done = done;
  call->user = user;

  pthread_mutex_lock (&client->lock);
  r = keeper_start (client);
  if (r == 0)
    r = call_enqueue (client, call);
  pthread_mutex_unlock (&client->lock);
  if (r < 0) {
    call_destroy (call);
    return r;
  }
  pthread_cond_signal (&client->to_write);
  if (call->deadline != TTRPC__NEVER)
    pthread_cond_signal (&client->to_keep);
  if (out != NULL)
    *out = call;
  else
    ttrpc_call_unref (call);
  return 0;
}

void
ttrpc_call_cancel (ttrpc_call *call)
{
  ttrpc_client *client = call->client;
  pthread_mutex_lock (&client->lock);
  if (call->link != NULL) {
    call->cancelled = true;
    pthread_cond_signal (&client->to_keep);
  }
  pthread_mutex_unlock (&client->lock);
}

void
ttrpc_call_unref (ttrpc_call *call)
{
  if (call == NULL)
    return;
  ttrpc_client *client = call->client;
  pthread_mutex_lock (&client->lock);
  client->refs++;
  ttrpc__call_unref_locked (call);
  ttrpc__client_unref_locked (client);
}
