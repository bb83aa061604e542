/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One request of a server: admitted, run on a worker, answered; what its method may ask about it. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Under the server's lock. */
static void
request_unlink (ttrpc_request *request)
{
  struct ttrpc__conn *conn = request->conn;
  *request->link = request->next;
  if (request->next != NULL)
    request->next->link = request->link;
  conn->server->in_flight--;
  conn->server->bytes -= request->bytes;
  if (conn->requests == NULL)
    pthread_cond_signal (&conn->drained);
}

/* Under the server's lock: the connection keeps one that is not too large. What is left is for the caller to free. */
static uint8_t *
room_give (ttrpc_request *request)
{
  struct ttrpc__conn *conn = request->conn;
  uint8_t *over = request->room.data;
  if (conn->spare.data == NULL && request->room.cap <= TTRPC__BUFFER_KEPT) {
    conn->spare = request->room;
    over = NULL;
  }
  request->room = (struct ttrpc__room){ NULL, 0 };
  return over;
}

uint8_t *
ttrpc_request_room (ttrpc_request *request, size_t len)
{
  ttrpc_server *server = request->conn->server;
  if (request->room.data != NULL || len > TTRPC_MAX_PAYLOAD)
    return NULL;
  pthread_mutex_lock (&server->lock);
  if (request->conn->spare.cap >= len) {
    request->room = request->conn->spare;
    request->conn->spare = (struct ttrpc__room){ NULL, 0 };
  }
  pthread_mutex_unlock (&server->lock);
  if (request->room.data == NULL)
    request->room = (struct ttrpc__room){ malloc (TTRPC__ROOM_FRONT + len), len };
  return request->room.data == NULL ? NULL : request->room.data + TTRPC__ROOM_FRONT;
}

void
ttrpc_request_on_answer (ttrpc_request *request, ttrpc_answered_fn fn, void *user)
{
  request->answered = fn;
  request->answered_user = user;
}

static bool
in_room (const ttrpc_request *request, const uint8_t *payload)
{
  const uint8_t *room = request->room.data;
  return room != NULL && payload != NULL && payload >= room && payload <= room + TTRPC__ROOM_FRONT + request->room.cap;
}

/* Gives the request back; afterwards its connection may be gone. */
static void
request_finish (ttrpc_request *request)
{
  ttrpc_server *server = request->conn->server;
  pthread_mutex_lock (&server->lock);
  uint8_t *room = room_give (request);
  request_unlink (request);
  pthread_mutex_unlock (&server->lock);
  free (room);
  if (request->cancel_fd >= 0)
    close (request->cancel_fd);
  ttrpc__free_request (request->envelope);
  free (request);
}

static const struct ttrpc_method *
method_find (const struct ttrpc_method *methods, const char *service, const char *method)
{
  for (; methods->fn != NULL; methods++)
    if (strcmp (methods->service, service) == 0 && strcmp (methods->method, method) == 0)
      return methods;
  return NULL;
}

static void
request_run (struct ttrpc__job *job)
{
  ttrpc_request *request = (ttrpc_request *) job;
  Ttrpc__Request *envelope = request->envelope;
  ttrpc_server *server = request->conn->server;
  const char *service = envelope->service != NULL ? envelope->service : "";
  const char *name = envelope->method != NULL ? envelope->method : "";
  const struct ttrpc_method *method = method_find (server->options.methods, service, name);
  uint8_t *payload = NULL;
  size_t payload_len = 0;
  char *message = NULL;
  int32_t code;

  if (method == NULL)
    code = TTRPC_UNIMPLEMENTED;
  else if (ttrpc_request_is_cancelled (request))
    code = TTRPC_CANCELLED;
  else
    code = method->fn (server->options.user, request, envelope->payload.data, envelope->payload.len, &payload,
                       &payload_len, &message);

  /* The caller's own clock says the same; whoever is first, it learns of one thing. */
  if (code == TTRPC_CANCELLED && request->deadline != TTRPC__NEVER && ttrpc__now () >= request->deadline)
    code = TTRPC_DEADLINE_EXCEEDED;
  const char *text = message;
  if (text == NULL && method == NULL)
    text = "no such service or method";
  else if (text == NULL && code == TTRPC_DEADLINE_EXCEEDED)
    text = "the time-out has passed";
  bool own = in_room (request, payload);
  int r = own && code == TTRPC_OK
              ? ttrpc__conn_answer_in_place (request->conn, request->stream, payload, payload_len)
              : ttrpc__conn_answer (request->conn, request->stream, code, text, payload, payload_len);
  if (request->answered != NULL)
    request->answered (request->answered_user, r >= 0);
  /* A write that fails ends the connection, which its reader notices. */
  if (r < 0)
    request->conn->io.shutdown (request->conn->io.ctx);
  if (!own)
    free (payload);
  free (message);
  request_finish (request);
}

/* Under the server's lock. NULL = admitted, else why not. */
static const char *
request_admit (struct ttrpc__conn *conn, ttrpc_request *request)
{
  ttrpc_server *server = conn->server;
  if (server->in_flight >= server->options.max_in_flight)
    return "too many requests in flight";
  /* One request may always come in, whatever its size, so that a small limit does not close the door. */
  if (server->in_flight > 0 && server->bytes + request->bytes > server->options.max_bytes)
    return "the requests in flight hold too many bytes";
  server->in_flight++;
  server->bytes += request->bytes;
  request->conn = conn;
  request->next = conn->requests;
  request->link = &conn->requests;
  if (request->next != NULL)
    request->next->link = &request->next;
  conn->requests = request;
  return NULL;
}

int
ttrpc__request_start (struct ttrpc__conn *conn, uint32_t stream, Ttrpc__Request *envelope, size_t bytes)
{
  ttrpc_server *server = conn->server;
  const char *refused = "out of memory or threads";
  ttrpc_request *request = calloc (1, sizeof *request);

  if (request != NULL) {
    request->job.run = request_run;
    request->envelope = envelope;
    request->bytes = bytes;
    request->stream = stream;
    request->cancel_fd = -1;
    request->deadline = envelope->has_timeout_nano && envelope->timeout_nano != 0
                            ? ttrpc__after (envelope->timeout_nano)
                            : TTRPC__NEVER;
    pthread_mutex_lock (&server->lock);
    refused = request_admit (conn, request);
    pthread_mutex_unlock (&server->lock);
    if (refused == NULL) {
      if (ttrpc__pool_run (&server->pool, &request->job) == 0)
        return 0;
      request_finish (request);
      return ttrpc__conn_answer (conn, stream, TTRPC_RESOURCE_EXHAUSTED, "out of threads", NULL, 0);
    }
    free (request);
  }
  ttrpc__free_request (envelope);
  return ttrpc__conn_answer (conn, stream, TTRPC_RESOURCE_EXHAUSTED, refused, NULL, 0);
}

/* The descriptor is a timer, so that the time-out needs no thread; to be cancelled is to be out of time at once. */
static void
cancel_fd_arm (int fd, int64_t deadline)
{
  struct itimerspec when = { .it_value = ttrpc__timespec (deadline) };
  if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0)
    when.it_value.tv_nsec = 1; /* all zero would disarm it */
  (void) timerfd_settime (fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void
ttrpc__request_cancel (ttrpc_request *request)
{
  if (request->cancel_fd >= 0)
    cancel_fd_arm (request->cancel_fd, 0);
}

int
ttrpc_request_cancel_fd (ttrpc_request *request)
{
  ttrpc_server *server = request->conn->server;
  pthread_mutex_lock (&server->lock);
  if (request->cancel_fd < 0) {
    request->cancel_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (request->cancel_fd >= 0) {
      if (request->conn->lost)
        cancel_fd_arm (request->cancel_fd, 0);
      else if (request->deadline != TTRPC__NEVER)
        cancel_fd_arm (request->cancel_fd, request->deadline);
    }
  }
  int fd = request->cancel_fd;
  pthread_mutex_unlock (&server->lock);
  return fd;
}

int
ttrpc_request_is_cancelled (ttrpc_request *request)
{
  ttrpc_server *server = request->conn->server;
  pthread_mutex_lock (&server->lock);
  bool lost = request->conn->lost;
  pthread_mutex_unlock (&server->lock);
  return lost || (request->deadline != TTRPC__NEVER && ttrpc__now () >= request->deadline);
}

int64_t
ttrpc_request_time_left_ms (ttrpc_request *request)
{
  if (request->deadline == TTRPC__NEVER)
    return -1;
  int64_t left = request->deadline - ttrpc__now ();
  return left > 0 ? left / 1000000 : 0;
}
