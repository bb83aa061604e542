/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server and its connections: reads frames, refuses what is wrong, hands requests on. A request's life is in request.c. */
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void
options_default (struct ttrpc_server_options *options)
{
  options->size = sizeof *options;
  if (options->max_in_flight == 0)
    options->max_in_flight = TTRPC__MAX_IN_FLIGHT;
  if (options->max_bytes == 0)
    options->max_bytes = TTRPC__MAX_BYTES;
  if (options->stack_size == 0)
    options->stack_size = TTRPC__STACK_SIZE;
  if (options->stack_size < (size_t) PTHREAD_STACK_MIN)
    options->stack_size = (size_t) PTHREAD_STACK_MIN;
}

int
ttrpc_server_new (ttrpc_server **out, const struct ttrpc_server_options *options)
{
  if (options == NULL || options->size < sizeof (size_t) + sizeof (void *) || options->size > sizeof *options ||
      options->methods == NULL)
    return -EINVAL;
  ttrpc_server *server = calloc (1, sizeof *server);
  if (server == NULL)
    return -ENOMEM;
  memcpy (&server->options, options, options->size);
  options_default (&server->options);
  if (pthread_mutex_init (&server->lock, NULL) != 0) {
    free (server);
    return -ENOMEM;
  }
  int r = ttrpc__pool_init (&server->pool, server->options.stack_size);
  if (r < 0) {
    pthread_mutex_destroy (&server->lock);
    free (server);
    return r;
  }
  *out = server;
  return 0;
}

void
ttrpc_server_free (ttrpc_server *server)
{
  if (server == NULL)
    return;
  ttrpc__pool_clear (&server->pool);
  pthread_mutex_destroy (&server->lock);
  free (server);
}

void
ttrpc_server_shutdown (ttrpc_server *server)
{
  pthread_mutex_lock (&server->lock);
  server->stopping = true;
  for (struct ttrpc__conn *conn = server->conns; conn != NULL; conn = conn->next)
    conn->io.shutdown (conn->io.ctx);
  pthread_mutex_unlock (&server->lock);
}

int
ttrpc__conn_answer (struct ttrpc__conn *conn, uint32_t stream, int32_t code, const char *message,
                    const uint8_t *payload, size_t payload_len)
{
  struct ttrpc__frame frame;
  int r = ttrpc__pack_response (&frame, stream, code, message, payload, payload_len);
  if (r == -EMSGSIZE)
    r = ttrpc__pack_response (&frame, stream, TTRPC_RESOURCE_EXHAUSTED, "the response is larger than 4 MiB", NULL, 0);
  if (r < 0)
    return r;
  pthread_mutex_lock (&conn->write_lock);
  r = ttrpc__write_all (&conn->io, frame.data, frame.len);
  pthread_mutex_unlock (&conn->write_lock);
  free (frame.data);
  return r;
}

int
ttrpc__conn_answer_in_place (struct ttrpc__conn *conn, uint32_t stream, uint8_t *payload, size_t payload_len)
{
  struct ttrpc__frame frame;
  int r = ttrpc__frame_in_place (&frame, stream, payload, payload_len);
  if (r < 0)
    return ttrpc__conn_answer (conn, stream, TTRPC_OK, NULL, payload, payload_len);
  pthread_mutex_lock (&conn->write_lock);
  r = ttrpc__write_all (&conn->io, frame.data, frame.len);
  pthread_mutex_unlock (&conn->write_lock);
  return r;
}

static int
refuse (struct ttrpc__conn *conn, uint32_t stream, int32_t code, const char *why)
{
  int r = ttrpc__conn_answer (conn, stream, code, why, NULL, 0);
  return r < 0 ? r : 1;
}

/*
 * What is wrong with a frame whose payload has an allowed length, or NULL. The texts and codes are those of the Go implementation where
 * it answers; it lets unknown types pass in silence, which leaves a caller waiting, so we answer.
 */
static const char *
frame_fault (struct ttrpc__conn *conn, const struct ttrpc_header *header)
{
  if (header->stream % 2 != 1)
    return "StreamID must be odd for client initiated streams";
  if (header->type == TTRPC_TYPE_DATA)
    return "StreamID is no longer active";
  if (header->type != TTRPC_TYPE_REQUEST)
    return "unknown message type";
  if (header->stream <= conn->last_stream)
    return "StreamID cannot be re-used and must increment";
  return NULL;
}

/* One frame: 1 = go on, 0 = the peer is gone, -errno = the connection is of no further use. */
static int
conn_step (struct ttrpc__conn *conn)
{
  struct ttrpc_header header;
  const uint8_t *payload = NULL;

  int r = ttrpc__reader_header (&conn->reader, &header);
  if (r <= 0)
    return r;
  if (header.len > TTRPC_MAX_PAYLOAD) {
    /* Answered before the payload is thrown away: a peer that announces it and falls silent has its answer all the same. */
    r = refuse (conn, header.stream, TTRPC_RESOURCE_EXHAUSTED, "message length exceeds the maximum of 4194304 bytes");
    return r < 0 ? r : ttrpc__reader_discard (&conn->reader, header.len);
  }
  r = ttrpc__reader_payload (&conn->reader, &header, &payload);
  if (r <= 0)
    return r;
  /* A response to nothing. It is never answered: two servers joined by mistake would otherwise talk for ever. */
  if (header.type == TTRPC_TYPE_RESPONSE)
    return 1;
  const char *fault = frame_fault (conn, &header);
  if (fault != NULL)
    return refuse (conn, header.stream, TTRPC_INVALID_ARGUMENT, fault);
  conn->last_stream = header.stream;
  Ttrpc__Request *envelope = ttrpc__unpack_request (payload, header.len);
  if (envelope == NULL)
    return refuse (conn, header.stream, TTRPC_INVALID_ARGUMENT, "the request does not decode");
  r = ttrpc__request_start (conn, header.stream, envelope, header.len);
  return r < 0 ? r : 1;
}

/* Into the server's list, unless it is stopping. */
static bool
conn_link (struct ttrpc__conn *conn)
{
  ttrpc_server *server = conn->server;
  pthread_mutex_lock (&server->lock);
  bool ok = !server->stopping;
  if (ok) {
    conn->next = server->conns;
    conn->link = &server->conns;
    if (conn->next != NULL)
      conn->next->link = &conn->next;
    server->conns = conn;
  }
  pthread_mutex_unlock (&server->lock);
  return ok;
}

/* Cancels what is in flight, waits for it, and takes the connection out of the list. */
static void
conn_drain (struct ttrpc__conn *conn)
{
  ttrpc_server *server = conn->server;
  conn->io.shutdown (conn->io.ctx); /* workers may be blocked in a write */
  pthread_mutex_lock (&server->lock);
  conn->lost = true;
  for (ttrpc_request *request = conn->requests; request != NULL; request = request->next)
    ttrpc__request_cancel (request);
  while (conn->requests != NULL)
    pthread_cond_wait (&conn->drained, &server->lock);
  *conn->link = conn->next;
  if (conn->next != NULL)
    conn->next->link = conn->link;
  pthread_mutex_unlock (&server->lock);
}

void
ttrpc_server_serve (ttrpc_server *server, const struct ttrpc_io *io)
{
  struct ttrpc__conn conn = { .server = server, .io = *io };

  if (pthread_mutex_init (&conn.write_lock, NULL) != 0)
    goto no_lock;
  if (ttrpc__cond_init (&conn.drained) < 0)
    goto no_cond;
  if (ttrpc__reader_init (&conn.reader, &conn.io) < 0)
    goto no_reader;
  if (conn_link (&conn)) {
    while (conn_step (&conn) > 0)
      ;
    conn_drain (&conn);
  }
  free (conn.spare.data);
  ttrpc__reader_clear (&conn.reader);
no_reader:
  pthread_cond_destroy (&conn.drained);
no_cond:
  pthread_mutex_destroy (&conn.write_lock);
no_lock:
  conn.io.close (conn.io.ctx);
}
