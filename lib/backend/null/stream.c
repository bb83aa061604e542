/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream: the requests of a null guest that wait: streams, exit, out-of-memory events. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/null/request.h"

#define READ_MAX (1u << 20)

/* A process by the ids of any request that begins with container_id and exec_id; the caller owns the reference. */
static int32_t
take_process (struct null_guest *guest, const char *container_id, const char *exec_id, struct null_process **out,
              struct null_reply *reply)
{
  g_mutex_lock (&guest->lock);
  int32_t code = kata_null_request__process (guest, container_id, exec_id, out, reply);
  if (code == TTRPC_OK)
    kata_null_process__ref (*out);
  g_mutex_unlock (&guest->lock);
  return code;
}

/* Waits for @fd or the end of the request. */
static int32_t
wait_for (ttrpc_request *request, int fd, short events)
{
  for (;;) {
    struct pollfd fds[] = { { ttrpc_request_cancel_fd (request), POLLIN, 0 }, { fd, events, 0 } };
    int n = poll (fds, 2, -1);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || fds[0].revents != 0)
      return TTRPC_CANCELLED;
    return TTRPC_OK;
  }
}

static int32_t
finish (struct null_reply *reply, int32_t code, uint8_t **payload, size_t *payload_len, char **message)
{
  *payload = reply->payload;
  *payload_len = reply->payload_len;
  *message = reply->message;
  return code;
}

/* Decodes @Type, finds its process and runs `body` with them, without the guest's lock. */
#define BEGIN(Type, prefix)                                                                                            \
  struct null_guest *guest = user;                                                                                     \
  struct null_reply reply = { 0 };                                                                                     \
  struct null_process *process = NULL;                                                                                 \
  Type *q = prefix##__unpack (NULL, len, data);                                                                        \
  int32_t code = q == NULL ? TTRPC_INVALID_ARGUMENT : kata_null_request__enter (guest, request, &reply);               \
  if (code == TTRPC_OK)                                                                                                \
    code = take_process (guest, q->container_id, q->exec_id, &process, &reply);
#define END(prefix)                                                                                                    \
  kata_null_process__unref (process);                                                                                  \
  if (q != NULL)                                                                                                       \
    prefix##__free_unpacked (q, NULL);                                                                                 \
  return finish (&reply, code, payload, payload_len, message);

NULL_STREAM_METHOD (kata_null_stream__wait_process)
{
  BEGIN (Grpc__WaitProcessRequest, grpc__wait_process_request)
  if (code == TTRPC_OK)
    code = wait_for (request, kata_null_process__exit_fd (process), POLLIN);
  if (code == TTRPC_OK) {
    Grpc__WaitProcessResponse answer = GRPC__WAIT_PROCESS_RESPONSE__INIT;
    int status = 0;
    kata_null_process__exited (process, &status);
    kata_null_process__note_told (process);
    answer.has_status = TRUE;
    answer.status = status;
    code = kata_null_reply__pack (&reply, &answer.base);
  }
  END (grpc__wait_process_request)
}

NULL_STREAM_METHOD (kata_null_stream__write_stdin)
{
  BEGIN (Grpc__WriteStreamRequest, grpc__write_stream_request)
  if (code == TTRPC_OK && q->data.len == 0) {
    kata_null_process__close_stdin (process);
  } else if (code == TTRPC_OK) {
    int fd = kata_null_process__stdin (process);
    ssize_t n = -1;
    while (n < 0 && code == TTRPC_OK) {
      code = wait_for (request, fd, POLLOUT);
      n = code == TTRPC_OK ? send (fd, q->data.data, q->data.len, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
      if (n < 0 && code == TTRPC_OK && errno != EAGAIN && errno != EINTR)
        code = kata_null_reply__fail (&reply, TTRPC_FAILED_PRECONDITION, "standard input is closed");
    }
    Grpc__WriteStreamResponse answer = GRPC__WRITE_STREAM_RESPONSE__INIT;
    answer.has_len = TRUE;
    answer.len = n > 0 ? (uint32_t) n : 0;
    if (code == TTRPC_OK)
      code = kata_null_reply__pack (&reply, &answer.base);
  }
  END (grpc__write_stream_request)
}

/* Gives up without taking a byte when the request is cancelled: the next reader gets them. */
static int32_t
read_stream (ttrpc_request *request, int fd, uint32_t wanted, struct null_reply *reply)
{
  Grpc__ReadStreamResponse answer = GRPC__READ_STREAM_RESPONSE__INIT;
  uint32_t room = wanted == 0 || wanted > READ_MAX ? READ_MAX : wanted;
  int32_t code = wait_for (request, fd, POLLIN);
  if (code != TTRPC_OK)
    return code;
  answer.data.data = malloc (room);
  ssize_t n = answer.data.data != NULL ? recv (fd, answer.data.data, room, MSG_DONTWAIT) : -1;
  answer.has_data = n > 0;
  answer.data.len = n > 0 ? (size_t) n : 0;
  code = kata_null_reply__pack (reply, &answer.base);
  free (answer.data.data);
  return code;
}

NULL_STREAM_METHOD (kata_null_stream__read_stdout)
{
  BEGIN (Grpc__ReadStreamRequest, grpc__read_stream_request)
  if (code == TTRPC_OK)
    code = read_stream (request, kata_null_process__output (process, FALSE), q->len, &reply);
  END (grpc__read_stream_request)
}

NULL_STREAM_METHOD (kata_null_stream__read_stderr)
{
  BEGIN (Grpc__ReadStreamRequest, grpc__read_stream_request)
  if (code == TTRPC_OK)
    code = read_stream (request, kata_null_process__output (process, TRUE), q->len, &reply);
  END (grpc__read_stream_request)
}

NULL_STREAM_METHOD (kata_null_stream__close_stdin)
{
  BEGIN (Grpc__CloseStdinRequest, grpc__close_stdin_request)
  if (code == TTRPC_OK)
    kata_null_process__close_stdin (process);
  END (grpc__close_stdin_request)
}

NULL_STREAM_METHOD (kata_null_stream__tty_win_resize)
{
  BEGIN (Grpc__TtyWinResizeRequest, grpc__tty_win_resize_request)
  if (code == TTRPC_OK && !kata_null_process__has_terminal (process))
    code = kata_null_reply__fail (&reply, TTRPC_UNAVAILABLE, "the process has no terminal");
  END (grpc__tty_win_resize_request)
}

/* A null guest never runs out of memory, and the request waits for its own end; or container "c1" does without pause. */
NULL_STREAM_METHOD (kata_null_stream__get_oom_event)
{
  struct null_guest *guest = user;
  struct null_reply reply = { 0 };
  Grpc__OOMEvent answer = GRPC__OOMEVENT__INIT;
  if (guest->manner != NULL_OUT_OF_MEMORY)
    return wait_for (request, -1, 0);
  answer.container_id = (char *) "c1";
  return finish (&reply, kata_null_reply__pack (&reply, &answer.base), payload, payload_len, message);
}
