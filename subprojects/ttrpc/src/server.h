/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The insides of a server, shared by server.c (connections) and request.c (one request on its worker). */
#ifndef TTRPC_SERVER_H
#define TTRPC_SERVER_H

#include "envelope.h"
#include "clock.h"
#include "pool.h"

/* Defaults of the options. */
#define TTRPC__MAX_IN_FLIGHT 256u
#define TTRPC__MAX_BYTES     (32u << 20)
#define TTRPC__STACK_SIZE    (128u << 10)

/* Bytes for an answer, with place before them for what the wire has there. */
#define TTRPC__ROOM_FRONT (TTRPC_HEADER_LEN + 1u + 5u)
struct ttrpc__room {
  uint8_t *data;
  size_t cap; /* behind the front */
};

struct ttrpc__conn;

/* Lock order: @lock and a connection's @write_lock are never held together; neither in a method. */
struct ttrpc_server {
  struct ttrpc_server_options options;
  pthread_mutex_t lock;
  struct ttrpc__pool pool;
  struct ttrpc__conn *conns;
  uint32_t in_flight;
  size_t bytes; /* of payloads held by requests in flight */
  bool stopping;
};

struct ttrpc__conn {
  ttrpc_server *server;
  struct ttrpc__conn *next, **link;
  struct ttrpc_io io;
  struct ttrpc__reader reader;
  pthread_mutex_t write_lock; /* one frame at a time */
  ttrpc_request *requests;    /* in flight; under the server's lock, like the three below */
  pthread_cond_t drained;
  bool lost;
  uint32_t last_stream;     /* the reader's own */
  struct ttrpc__room spare; /* of the last answer, for the next; under the server's lock */
};

struct ttrpc_request {
  struct ttrpc__job job; /* first: the pool hands it back */
  struct ttrpc__conn *conn;
  ttrpc_request *next, **link;
  Ttrpc__Request *envelope;
  size_t bytes;
  uint32_t stream;
  int64_t deadline;
  int cancel_fd; /* -1 until somebody asks for it */
  struct ttrpc__room room;
  ttrpc_answered_fn answered; /* NULL = nobody wants to know */
  void *answered_user;
};

/* Takes @envelope. Counts, queues; when it cannot, answers RESOURCE_EXHAUSTED. 0, or -errno when the answer cannot be written. */
int ttrpc__request_start (struct ttrpc__conn *conn, uint32_t stream, Ttrpc__Request *envelope, size_t bytes);
/* Under the server's lock. */
void ttrpc__request_cancel (ttrpc_request *request);

/* 0 or -errno; a payload that makes the frame too large is answered as RESOURCE_EXHAUSTED. */
int ttrpc__conn_answer (struct ttrpc__conn *conn, uint32_t stream, int32_t code, const char *message,
                        const uint8_t *payload, size_t payload_len);
/* The same, of a @payload with TTRPC__ROOM_FRONT bytes before it that may be written to. */
int ttrpc__conn_answer_in_place (struct ttrpc__conn *conn, uint32_t stream, uint8_t *payload, size_t payload_len);

#endif
