/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service-process: the methods about processes and their stdio. */
#include <errno.h>
#include <string.h>

#include "console.h"
#include "container.h"
#include "mem.h"
#include "past.h"
#include "proto/agent.pb-c.h"
#include "service.h"

#define READ_MAX     (1u << 20)
#define READ_DEFAULT 32768u

struct target {
  struct container *container;
  struct process *process;
};

static int
find (struct call *call, struct target *target, const char *container_id, const char *exec_id)
{
  target->process = NULL;
  target->container = container_get (call->agent, container_id, TTRPC_INVALID_ARGUMENT, &call->fault);
  if (target->container)
    target->process = container_get_process (target->container, text_of (exec_id), &call->fault);
  return target->process ? 0 : -1;
}

static void
release (struct target *target)
{
  process_unref (target->process);
  container_unref (target->container);
}

int
service_exec_process (struct call *call, const void *message)
{
  const Grpc__ExecProcessRequest *request = message;
  struct container *container = container_get (call->agent, request->container_id, TTRPC_INTERNAL, &call->fault);
  int result = container ? container_exec (container, request, &call->fault) : -1;
  container_unref (container);
  return result;
}

int
service_signal_process (struct call *call, const void *message)
{
  const Grpc__SignalProcessRequest *request = message;
  struct container *container =
      container_get (call->agent, request->container_id, TTRPC_INVALID_ARGUMENT, &call->fault);
  int result = -1;
  if (container && request->signal <= 64)
    result = container_signal (container, text_of (request->exec_id), (int) request->signal, &call->fault);
  else if (container)
    fault_set (&call->fault, TTRPC_INVALID_ARGUMENT, "%u is not a signal", request->signal);
  container_unref (container);
  return result;
}

int
service_wait_process (struct call *call, const void *message)
{
  const Grpc__WaitProcessRequest *request = message;
  Grpc__WaitProcessResponse response = GRPC__WAIT_PROCESS_RESPONSE__INIT;
  struct target target;
  int result = find (call, &target, request->container_id, request->exec_id);
  if (result < 0 && past_find (call->agent, request->container_id, request->exec_id, &response.status) == 0) {
    release (&target);
    response.has_status = 1;
    return call_reply (call, &response.base);
  }
  if (result == 0)
    result = process_wait (target.process, call->request, &response.status, &call->fault);
  if (result == 0) {
    response.has_status = 1;
    result = call_reply (call, &response.base);
    pthread_mutex_lock (&call->agent->lock);
    target.process->waited = 1;
    pthread_mutex_unlock (&call->agent->lock);
    container_forget_exec (target.container, target.process);
  }
  release (&target);
  return result;
}

int
service_write_stdin (struct call *call, const void *message)
{
  const Grpc__WriteStreamRequest *request = message;
  Grpc__WriteStreamResponse response = GRPC__WRITE_STREAM_RESPONSE__INIT;
  struct target target;
  int result = find (call, &target, request->container_id, request->exec_id);
  if (result == 0 && request->data.len == 0)
    process_close_stdin (target.process, call->request);
  else if (result == 0)
    result = stream_write (&target.process->in, &target.process->watch, call->request, request->data.data,
                           request->data.len, &call->fault);
  release (&target);
  if (result < 0)
    return -1;
  response.has_len = 1;
  response.len = (uint32_t) request->data.len;
  return call_reply (call, &response.base);
}

/* Output on its way; its place is the request's. */
struct delivery {
  struct process *process;
  struct stream *stream;
  const char *data;
  size_t len;
};

static void
delivered (void *user, int written)
{
  struct delivery *delivery = user;
  if (written)
    stream_release (delivery->stream);
  else
    stream_give_back (delivery->stream, delivery->data, delivery->len);
  process_unref (delivery->process);
  free (delivery);
}

/* What cannot be written is the next reader's. */
static void
deliver (struct call *call, struct process *process, struct stream *stream, const uint8_t *data, size_t len)
{
  struct delivery *delivery = mem_zero (sizeof *delivery);
  *delivery = (struct delivery){ process_ref (process), stream, (const char *) data, len };
  ttrpc_request_on_answer (call->request, delivered, delivery);
  call->payload = ttrpc_prepend_field (1, (uint8_t *) data, len); /* ReadStreamResponse.data */
  call->payload_len = (size_t) (data + len - call->payload);
}

static int
read_stream (struct call *call, struct target *target, struct stream *stream, uint32_t wanted)
{
  struct process *process = target->process;
  size_t len = wanted == 0 ? READ_DEFAULT : wanted > READ_MAX ? READ_MAX : wanted;
  uint8_t *room = ttrpc_request_room (call->request, TTRPC_FIELD_HEAD + len);
  if (!room)
    return fault_set (&call->fault, TTRPC_RESOURCE_EXHAUSTED, "no memory for %zu bytes", len);
  uint8_t *data = room + TTRPC_FIELD_HEAD;
  int64_t n = 0;
  if (stream) /* a terminal has no standard error of its own */
    n = stream_read (stream, &call->agent->reaper, &process->watch, call->request, (char *) data, len, &call->fault);
  if (n < 0)
    return -1;
  if (n > 0 && ttrpc_request_is_cancelled (call->request)) {
    stream_give_back (stream, (char *) data, (size_t) n);
    return fault_set (&call->fault, TTRPC_CANCELLED, "the caller has gone or its time is over");
  }
  if (n > 0)
    deliver (call, process, stream, data, (size_t) n);
  if (n == 0)
    container_forget_exec (target->container, process);
  return 0;
}

static int
read_output (struct call *call, const Grpc__ReadStreamRequest *request, int error_stream)
{
  struct target target;
  int32_t status;
  int result = find (call, &target, request->container_id, request->exec_id);
  if (result < 0 && past_find (call->agent, request->container_id, request->exec_id, &status) == 0)
    result = 0; /* read to its end: there is no more */
  else if (result == 0) {
    struct stream *stream = error_stream ? &target.process->err : &target.process->out;
    if (error_stream && target.process->terminal)
      stream = NULL;
    result = read_stream (call, &target, stream, request->len);
  }
  release (&target);
  return result;
}

int
service_read_stdout (struct call *call, const void *message)
{
  return read_output (call, message, 0);
}

int
service_read_stderr (struct call *call, const void *message)
{
  return read_output (call, message, 1);
}

int
service_close_stdin (struct call *call, const void *message)
{
  const Grpc__CloseStdinRequest *request = message;
  struct target target;
  int result = find (call, &target, request->container_id, request->exec_id);
  if (result == 0)
    process_close_stdin (target.process, call->request);
  release (&target);
  return result;
}

int
service_tty_win_resize (struct call *call, const void *message)
{
  const Grpc__TtyWinResizeRequest *request = message;
  struct target target;
  int result = find (call, &target, request->container_id, request->exec_id);
  if (result == 0 && !target.process->terminal)
    result = fault_set (&call->fault, TTRPC_UNAVAILABLE, "the process has no terminal");
  else if (result == 0 && console_resize (target.process->out.fd, request->row, request->column) < 0 && errno != EIO)
    result = fault_errno (&call->fault, "cannot resize the terminal");
  release (&target);
  return result;
}
