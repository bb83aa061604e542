/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: bytes from a peer to the ttrpc server; what it answers must be whole frames. */
#include <stdlib.h>
#include <string.h>

#include "ttrpc/ttrpc.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct wire {
  const uint8_t *data;
  size_t size, at;
};

static int64_t
wire_read (void *ctx, void *buf, size_t len)
{
  struct wire *wire = ctx;
  size_t n = wire->size - wire->at < len ? wire->size - wire->at : len;
  memcpy (buf, wire->data + wire->at, n);
  wire->at += n;
  return (int64_t) n;
}

static int64_t
wire_write (void *ctx, const void *buf, size_t len)
{
  struct ttrpc_header header;
  if (len < TTRPC_HEADER_LEN)
    abort ();
  ttrpc_header_decode (&header, buf);
  if (header.type != TTRPC_TYPE_RESPONSE || header.len != len - TTRPC_HEADER_LEN)
    abort ();
  return (int64_t) len;
}

static void
wire_nothing (void *ctx)
{
}

static int32_t
echo (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload, size_t *payload_len,
      char **message)
{
  *payload = malloc (len + 1);
  if (*payload != NULL && len > 0)
    memcpy (*payload, data, len);
  *payload_len = *payload != NULL ? len : 0;
  return ttrpc_request_time_left_ms (request) == 0 ? TTRPC_DEADLINE_EXCEEDED : TTRPC_OK;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const struct ttrpc_method methods[] = { { "t", "echo", echo }, { NULL, NULL, NULL } };
  struct ttrpc_server_options options = { .size = sizeof options, .methods = methods, .max_in_flight = 4 };
  struct wire wire = { data, size, 0 };
  struct ttrpc_io io = { &wire, wire_read, wire_write, wire_nothing, wire_nothing };
  ttrpc_server *server;
  if (ttrpc_server_new (&server, &options) < 0)
    return 0;
  ttrpc_server_serve (server, &io);
  ttrpc_server_free (server);
  return 0;
}
