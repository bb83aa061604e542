/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server: one thread that answers GET requests on a listening socket; clients that are slow, stuck or many cost nobody else but themselves. */
#include "metrics/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/socket.h"

#define CONNECTIONS_MAX 16
#define REQUEST_MS      3000 /* for a request to come as a whole */
#define ANSWER_MS       5000 /* for the answer to be taken */
#define LINGER_MS       1000 /* for the client to hang up after it: closing earlier could take the answer away from it */
#define REST_MS         100  /* before the next look for a connection that there was no descriptor for */

enum phase { READING, WRITING, LINGERING };

struct connection {
  int fd; /* -1 = free */
  enum phase phase;
  gint64 deadline;
  char *in; /* while it reads */
  gsize n_in, n_out;
  GString *out;
};

struct loop {
  const http_server *server;
  struct connection connections[CONNECTIONS_MAX];
  gint64 rest_until; /* nobody is let in before */
};

static void
drop (struct connection *connection)
{
  close (connection->fd);
  g_clear_pointer (&connection->in, g_free);
  if (connection->out)
    g_string_free (connection->out, TRUE);
  *connection = (struct connection){ .fd = -1 };
}

static void
enter (struct connection *connection, enum phase phase, int ms)
{
  connection->phase = phase;
  connection->deadline = g_get_monotonic_time () + (gint64) ms * 1000;
}

static void
take_connection (struct loop *loop)
{
  int fd = accept4 (loop->server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      loop->rest_until = g_get_monotonic_time () + REST_MS * 1000;
    return;
  }
  gboolean welcome = !loop->server->same_user || metrics_socket_is_ours (fd);
  for (gsize i = 0; i < CONNECTIONS_MAX && welcome; i++) {
    struct connection *connection = &loop->connections[i];
    if (connection->fd >= 0)
      continue;
    connection->fd = fd;
    connection->in = g_malloc (HTTP_REQUEST_MAX);
    enter (connection, READING, REQUEST_MS);
    return;
  }
  close (fd);
}

static void
write_some (struct connection *connection)
{
  while (connection->n_out < connection->out->len) {
    ssize_t n = send (connection->fd, connection->out->str + connection->n_out,
                      connection->out->len - connection->n_out, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN)
      return;
    if (n <= 0) {
      drop (connection);
      return;
    }
    connection->n_out += (gsize) n;
  }
  g_string_free (connection->out, TRUE);
  connection->out = NULL;
  shutdown (connection->fd, SHUT_WR);
  enter (connection, LINGERING, LINGER_MS);
}

/* @status is not 200: the request was refused before anybody looked at it. */
static void
respond (struct loop *loop, struct connection *connection, int status, const http_request *request)
{
  const http_server *server = loop->server;
  http_answer answer = { .status = status, .type = HTTP_TEXT_TYPE, .body = g_string_new (NULL) };
  if (status == 200)
    server->answer (server->data, request, &answer);
  else
    http_say (&answer, status, http_reason (status));
  if (server->done)
    server->done (server->data, answer.status);
  g_clear_pointer (&connection->in, g_free);
  connection->out = g_string_new (NULL);
  http_head (connection->out, &answer, answer.body->len);
  g_string_append_len (connection->out, answer.body->str, (gssize) answer.body->len);
  g_string_free (answer.body, TRUE);
  enter (connection, WRITING, ANSWER_MS);
  write_some (connection);
}

static void
read_some (struct loop *loop, struct connection *connection)
{
  http_request request;
  ssize_t n = recv (connection->fd, connection->in + connection->n_in, HTTP_REQUEST_MAX - connection->n_in, 0);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0) {
    drop (connection);
    return;
  }
  connection->n_in += (gsize) n;
  int status = http_parse (&request, connection->in, connection->n_in);
  if (status != 0)
    respond (loop, connection, status, &request);
}

/* What still comes is thrown away. */
static void
linger (struct connection *connection)
{
  char bytes[1024];
  ssize_t n = recv (connection->fd, bytes, sizeof bytes, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN))
    drop (connection);
}

static void
attend (struct loop *loop, struct connection *connection, short events)
{
  if (events == 0)
    return;
  if (connection->phase == READING)
    read_some (loop, connection);
  else if (connection->phase == WRITING)
    write_some (connection);
  else
    linger (connection);
}

static void
drop_late (struct loop *loop)
{
  gint64 now = g_get_monotonic_time ();
  for (gsize i = 0; i < CONNECTIONS_MAX; i++) {
    struct connection *connection = &loop->connections[i];
    if (connection->fd < 0 || now < connection->deadline)
      continue;
    if (connection->phase == READING)
      respond (loop, connection, 408, NULL);
    else
      drop (connection);
  }
}

static int
milliseconds_left (const struct loop *loop)
{
  gint64 now = g_get_monotonic_time (), next = loop->rest_until > now ? loop->rest_until : G_MAXINT64;
  for (gsize i = 0; i < CONNECTIONS_MAX; i++)
    if (loop->connections[i].fd >= 0)
      next = MIN (next, loop->connections[i].deadline);
  if (next == G_MAXINT64)
    return -1;
  return (int) CLAMP ((next - now) / 1000 + 1, 0, ANSWER_MS);
}

/* While all places or descriptors are taken, who comes waits in the socket's queue. FALSE: end. */
static gboolean
turn (struct loop *loop)
{
  struct pollfd fds[CONNECTIONS_MAX + 2] = { { loop->server->stop_fd, POLLIN, 0 } };
  gboolean full = TRUE, rests = loop->rest_until > g_get_monotonic_time ();
  for (gsize i = 0; i < CONNECTIONS_MAX; i++) {
    const struct connection *connection = &loop->connections[i];
    fds[i + 2] = (struct pollfd){ connection->fd, connection->phase == WRITING ? POLLOUT : POLLIN, 0 };
    full = full && connection->fd >= 0;
  }
  fds[1] = (struct pollfd){ full || rests ? -1 : loop->server->listen_fd, POLLIN, 0 };
  if (poll (fds, G_N_ELEMENTS (fds), milliseconds_left (loop)) < 0)
    return errno == EINTR;
  if (fds[0].revents)
    return FALSE;
  for (gsize i = 0; i < CONNECTIONS_MAX; i++)
    if (fds[i + 2].fd >= 0)
      attend (loop, &loop->connections[i], fds[i + 2].revents);
  drop_late (loop);
  if (fds[1].revents)
    take_connection (loop);
  return TRUE;
}

void
http_server_run (const http_server *server)
{
  g_autofree struct loop *loop = g_new0 (struct loop, 1);
  loop->server = server;
  for (gsize i = 0; i < CONNECTIONS_MAX; i++)
    loop->connections[i].fd = -1;
  while (turn (loop))
    ;
  for (gsize i = 0; i < CONNECTIONS_MAX; i++)
    if (loop->connections[i].fd >= 0)
      drop (&loop->connections[i]);
}
