/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream: standard input, output, error and the terminal's size of a process; its life is in process.c. */
#include "agent/call.h"

#include "base/error.h"

static char *
exec_or_init (const char *exec_id)
{
  return (char *) (exec_id != NULL ? exec_id : "");
}

static uint32_t
piece (uint32_t len)
{
  return CLAMP (len, 1, KATA_AGENT_PIECE);
}

static int
data_check (const Grpc__ReadStreamResponse *reply, uint32_t asked, const char *method, const char *container_id,
            kata_error **err)
{
  if (reply->data.len > asked)
    return kata_agent__nonsense (err, method, container_id, "%zu bytes, where %u were asked for", reply->data.len,
                                 asked);
  return 0;
}

/* Out of the reply rather than copied. */
static GBytes *
take_data (Grpc__ReadStreamResponse *reply)
{
  GBytes *bytes = g_bytes_new_take (reply->data.data, reply->data.len);
  reply->data = (ProtobufCBinaryData){ 0, NULL };
  return bytes;
}

static int
read_stream (kata_agent *agent, const char *method, const char *container_id, const char *exec_id, uint32_t len,
             int64_t timeout_ms, GBytes **out, kata_error **err)
{
  Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
  Grpc__ReadStreamResponse *reply;
  const struct kata_agent_call call = {
    .method = method,
    .about = container_id,
    .request = &request.base,
    .timeout_ms = timeout_ms,
    .default_ms = KATA_AGENT_TIMEOUT_NONE,
  };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.has_len = 1;
  request.len = piece (len);
  int r = kata_agent__call_reply (agent, &call, &grpc__read_stream_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  r = data_check (reply, request.len, method, container_id, err);
  if (r == 0)
    *out = take_data (reply);
  kata_agent__message_free (reply);
  return r;
}

int
kata_agent__read_stdout (kata_agent *agent, const char *container_id, const char *exec_id, uint32_t len,
                         int64_t timeout_ms, GBytes **out, kata_error **err)
{
  return read_stream (agent, "ReadStdout", container_id, exec_id, len, timeout_ms, out, err);
}

int
kata_agent__read_stderr (kata_agent *agent, const char *container_id, const char *exec_id, uint32_t len,
                         int64_t timeout_ms, GBytes **out, kata_error **err)
{
  return read_stream (agent, "ReadStderr", container_id, exec_id, len, timeout_ms, out, err);
}

struct read_wait {
  kata_agent_read_fn done;
  void *user;
  const char *method;
  char *container_id;
  uint32_t len;
};

static void
read_wait_free (void *data)
{
  struct read_wait *wait = data;
  g_free (wait->container_id);
  g_free (wait);
}

static void
read_wait_done (void *data, void *message, const kata_error *error)
{
  const struct read_wait *wait = data;
  Grpc__ReadStreamResponse *reply = message;
  kata_error *nonsense = NULL;
  g_autoptr (GBytes) bytes = NULL;

  if (error == NULL && data_check (reply, wait->len, wait->method, wait->container_id, &nonsense) < 0)
    error = nonsense;
  if (error == NULL)
    bytes = take_data (reply);
  wait->done (wait->user, bytes, error);
  kata_error_unref (nonsense);
}

int
kata_agent__read_start (kata_agent *agent, kata_agent_pending **out, const char *container_id, const char *exec_id,
                        bool from_stderr, uint32_t len, kata_agent_read_fn done, void *user, kata_error **err)
{
  Grpc__ReadStreamRequest request = GRPC__READ_STREAM_REQUEST__INIT;
  const struct kata_agent_call call = { .method = from_stderr ? "ReadStderr" : "ReadStdout",
                                        .about = container_id,
                                        .request = &request.base,
                                        .timeout_ms = KATA_TIMEOUT_NONE };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.has_len = 1;
  request.len = piece (len);
  struct read_wait *wait = g_new0 (struct read_wait, 1);
  *wait = (struct read_wait){ done, user, call.method, g_strdup (container_id), request.len };
  return kata_agent__call_start (agent, out, &call, &grpc__read_stream_response__descriptor, read_wait_done, wait,
                                 read_wait_free, err);
}

static int
written_check (const Grpc__WriteStreamResponse *reply, size_t sent, const char *container_id, kata_error **err)
{
  if (reply->len == 0 || reply->len > sent)
    return kata_agent__nonsense (err, "WriteStdin", container_id, "%u of %zu bytes taken", reply->len, sent);
  return 0;
}

int
kata_agent__write_stdin (kata_agent *agent, const char *container_id, const char *exec_id, const void *data, size_t len,
                         size_t *written, int64_t timeout_ms, kata_error **err)
{
  Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
  Grpc__WriteStreamResponse *reply;
  const struct kata_agent_call call = {
    .method = "WriteStdin",
    .about = container_id,
    .request = &request.base,
    .timeout_ms = timeout_ms,
    .default_ms = KATA_AGENT_TIMEOUT_NONE,
  };
  /* An empty write would close the stream, which is kata_agent__close_stdin()'s work. */
  if (len == 0) {
    *written = 0;
    return 0;
  }
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.has_data = 1;
  request.data = (ProtobufCBinaryData){ MIN (len, KATA_AGENT_PIECE), (uint8_t *) data };
  int r = kata_agent__call_reply (agent, &call, &grpc__write_stream_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  r = written_check (reply, request.data.len, container_id, err);
  if (r == 0)
    *written = reply->len;
  kata_agent__message_free (reply);
  return r;
}

struct write_wait {
  kata_agent_write_fn done;
  void *user;
  char *container_id;
  size_t len;
};

static void
write_wait_free (void *data)
{
  struct write_wait *wait = data;
  g_free (wait->container_id);
  g_free (wait);
}

static void
write_wait_done (void *data, void *message, const kata_error *error)
{
  const struct write_wait *wait = data;
  const Grpc__WriteStreamResponse *reply = message;
  kata_error *nonsense = NULL;
  if (error == NULL && written_check (reply, wait->len, wait->container_id, &nonsense) < 0)
    error = nonsense;
  wait->done (wait->user, error == NULL ? reply->len : 0, error);
  kata_error_unref (nonsense);
}

int
kata_agent__write_start (kata_agent *agent, kata_agent_pending **out, const char *container_id, const char *exec_id,
                         const void *data, size_t len, int64_t timeout_ms, kata_agent_write_fn done, void *user,
                         kata_error **err)
{
  Grpc__WriteStreamRequest request = GRPC__WRITE_STREAM_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "WriteStdin",
                                        .about = container_id,
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms,
                                        .default_ms = KATA_AGENT_TIMEOUT_NONE };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.has_data = 1;
  request.data = (ProtobufCBinaryData){ MIN (len, KATA_AGENT_PIECE), (uint8_t *) data };
  struct write_wait *wait = g_new0 (struct write_wait, 1);
  *wait = (struct write_wait){ done, user, g_strdup (container_id), request.data.len };
  return kata_agent__call_start (agent, out, &call, &grpc__write_stream_response__descriptor, write_wait_done, wait,
                                 write_wait_free, err);
}

int
kata_agent__close_stdin (kata_agent *agent, const char *container_id, const char *exec_id, int64_t timeout_ms,
                         kata_error **err)
{
  Grpc__CloseStdinRequest request = GRPC__CLOSE_STDIN_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "CloseStdin", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__winsize (kata_agent *agent, const char *container_id, const char *exec_id, uint32_t rows, uint32_t columns,
                     int64_t timeout_ms, kata_error **err)
{
  Grpc__TtyWinResizeRequest request = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "TtyWinResize", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  request.exec_id = exec_or_init (exec_id);
  request.has_row = request.has_column = 1;
  request.row = rows;
  request.column = columns;
  return kata_agent__call (agent, &call, err);
}
