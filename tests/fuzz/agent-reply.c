/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a guest's reply to a typed call. The first byte chooses the call, the second the kind of reply, the rest is its payload. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct wire {
  const uint8_t *data;
  size_t size;
  pthread_mutex_t lock;
  pthread_cond_t cond;
  uint8_t *reply; /* the frame that is on its way */
  size_t len, at;
  bool end;
};

/* One request has come: its stream gets the reply, wrapped as a Response's payload unless the data shall be the Response itself. */
static int64_t
wire_write (void *ctx, const void *buf, size_t len)
{
  struct wire *wire = ctx;
  struct ttrpc_header header;
  size_t body = wire->size - 2;
  uint8_t wrap[6] = { 0x12 };
  size_t wrap_len = 0;

  if (wire->data[1] % 2 == 0) {
    wrap_len = 1;
    for (size_t rest = body;; rest >>= 7) {
      wrap[wrap_len++] = (uint8_t) ((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      if (rest <= 0x7f)
        break;
    }
  }
  ttrpc_header_decode (&header, buf);
  header.type = TTRPC_TYPE_RESPONSE;
  header.len = (uint32_t) (wrap_len + body);
  pthread_mutex_lock (&wire->lock);
  free (wire->reply);
  wire->reply = malloc (TTRPC_HEADER_LEN + header.len);
  if (wire->reply == NULL)
    abort ();
  ttrpc_header_encode (wire->reply, &header);
  memcpy (wire->reply + TTRPC_HEADER_LEN, wrap, wrap_len);
  memcpy (wire->reply + TTRPC_HEADER_LEN + wrap_len, wire->data + 2, body);
  wire->len = TTRPC_HEADER_LEN + header.len;
  wire->at = 0;
  pthread_cond_signal (&wire->cond);
  pthread_mutex_unlock (&wire->lock);
  return (int64_t) len;
}

static int64_t
wire_read (void *ctx, void *buf, size_t len)
{
  struct wire *wire = ctx;
  pthread_mutex_lock (&wire->lock);
  while (wire->at == wire->len && !wire->end)
    pthread_cond_wait (&wire->cond, &wire->lock);
  size_t n = wire->len - wire->at < len ? wire->len - wire->at : len;
  if (n > 0)
    memcpy (buf, wire->reply + wire->at, n);
  wire->at += n;
  pthread_mutex_unlock (&wire->lock);
  return (int64_t) n;
}

static void
wire_shutdown (void *ctx)
{
  struct wire *wire = ctx;
  pthread_mutex_lock (&wire->lock);
  wire->end = true;
  pthread_cond_signal (&wire->cond);
  pthread_mutex_unlock (&wire->lock);
}

static void
wire_close (void *ctx)
{
}

static int
call_streams (kata_agent *agent, unsigned which, kata_error **err)
{
  GBytes *bytes = NULL;
  size_t written = 0;
  int status = -1, r;

  switch (which) {
  case 0:
    r = kata_agent__wait (agent, "c1", "", &status, 60000, err);
    if (r == 0 && (status < 0 || status > 255))
      abort ();
    return r;
  case 1:
    r = kata_agent__write_stdin (agent, "c1", "", "hello", 5, &written, 60000, err);
    if (r == 0 && (written < 1 || written > 5))
      abort ();
    return r;
  default:
    r = kata_agent__read_stdout (agent, "c1", "", 64, 60000, &bytes, err);
    if (r == 0 && g_bytes_get_size (bytes) > 64)
      abort ();
    g_clear_pointer (&bytes, g_bytes_unref);
    return r;
  }
}

static int
call_one (kata_agent *agent, unsigned which, kata_error **err)
{
  struct kata_agent_details details = { 0 };
  struct kata_agent_stats stats;
  Grpc__Interfaces *interfaces = NULL;
  Grpc__Routes *routes = NULL;
  g_autofree char *text = NULL;
  int r;

  switch (which % 11) {
  case 0:
    return kata_agent__check (agent, 60000, err);
  case 1:
    return kata_agent__version (agent, &text, 60000, err);
  case 2:
    r = kata_agent__guest_details (agent, &details, 60000, err);
    kata_agent_details__clear (&details);
    return r;
  case 3:
    return kata_agent__metrics (agent, &text, 60000, err);
  case 4:
    return kata_agent__stats (agent, "c1", &stats, 60000, err);
  case 5:
    r = kata_agent__list_interfaces (agent, &interfaces, 60000, err);
    kata_agent__message_free (interfaces);
    return r;
  case 6:
    r = kata_agent__list_routes (agent, &routes, 60000, err);
    kata_agent__message_free (routes);
    return r;
  case 7:
    return kata_agent__start_container (agent, "c1", 60000, err);
  default:
    return call_streams (agent, which % 11 - 8, err);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct wire wire = { .data = data, .size = size };
  struct ttrpc_io io = { &wire, wire_read, wire_write, wire_shutdown, wire_close };
  kata_agent *agent;
  kata_error *err = NULL;

  if (size < 2 || size > 1 << 20)
    return 0;
  pthread_mutex_init (&wire.lock, NULL);
  pthread_cond_init (&wire.cond, NULL);
  if (kata_agent__new (&agent, &io, NULL) == 0) {
    int r = call_one (agent, data[0], &err);
    if ((r < 0) != (err != NULL))
      abort ();
    kata_error_unref (err);
    kata_agent__unref (agent);
  }
  free (wire.reply);
  pthread_cond_destroy (&wire.cond);
  pthread_mutex_destroy (&wire.lock);
  return 0;
}
