/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Request and Response of the wire to and from frames; bounds what decoding may allocate. No sockets, no threads. */
#include "envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * protobuf-c copies strings and bytes, and keeps a record for every field it meets, known or not: a 4 MiB frame of two-byte fields would
 * cost 200 MiB. The budget lets an honest message through (its own length once more, plus tables) and fails the others.
 */
#define DECODE_SLACK (64u << 10)

struct budget {
  ProtobufCAllocator allocator;
  size_t left;
};

static void *
budget_alloc (void *data, size_t size)
{
  struct budget *budget = data;
  if (size > budget->left)
    return NULL;
  budget->left -= size;
  return malloc (size);
}

static void
budget_free (void *data, void *pointer)
{
  (void) data;
  free (pointer);
}

static struct budget
budget_for (size_t len)
{
  return (struct budget){ { budget_alloc, budget_free, NULL }, len + DECODE_SLACK };
}

static int
frame_new (struct ttrpc__frame *out, const ProtobufCMessage *message, uint32_t stream, uint8_t type)
{
  size_t len = protobuf_c_message_get_packed_size (message);
  if (len > TTRPC_MAX_PAYLOAD)
    return -EMSGSIZE;
  uint8_t *data = malloc (TTRPC_HEADER_LEN + len);
  if (data == NULL)
    return -ENOMEM;
  struct ttrpc_header header = { .len = (uint32_t) len, .stream = stream, .type = type };
  ttrpc_header_encode (data, &header);
  protobuf_c_message_pack (message, data + TTRPC_HEADER_LEN);
  *out = (struct ttrpc__frame){ data, TTRPC_HEADER_LEN + len };
  return 0;
}

int
ttrpc__pack_request (struct ttrpc__frame *out, const char *service, const char *method, const void *payload,
                     size_t payload_len, int64_t timeout_nano)
{
  Ttrpc__Request request = TTRPC__REQUEST__INIT;

  /* Also keeps the sum below from wrapping round. */
  if (payload_len > TTRPC_MAX_PAYLOAD || strlen (service) > 4096 || strlen (method) > 4096)
    return -EMSGSIZE;
  request.service = (char *) service;
  request.method = (char *) method;
  request.has_payload = payload_len > 0;
  request.payload = (ProtobufCBinaryData){ payload_len, (uint8_t *) payload };
  request.has_timeout_nano = timeout_nano != 0;
  request.timeout_nano = timeout_nano;
  return frame_new (out, &request.base, 0, TTRPC_TYPE_REQUEST);
}

int
ttrpc__pack_response (struct ttrpc__frame *out, uint32_t stream, int32_t code, const char *message,
                      const uint8_t *payload, size_t payload_len)
{
  Ttrpc__Response response = TTRPC__RESPONSE__INIT;
  Ttrpc__Status status = TTRPC__STATUS__INIT;
  char *text = NULL;

  if (payload_len > TTRPC_MAX_PAYLOAD)
    return -EMSGSIZE;
  if (code != TTRPC_OK) {
    text = message != NULL ? ttrpc__clean_text (message) : NULL;
    status.has_code = 1;
    status.code = code;
    status.message = text;
    response.status = &status;
  } else {
    response.has_payload = payload_len > 0;
    response.payload = (ProtobufCBinaryData){ payload_len, (uint8_t *) payload };
  }
  int r = frame_new (out, &response.base, stream, TTRPC_TYPE_RESPONSE);
  free (text);
  return r;
}

uint8_t *
ttrpc_prepend_field (unsigned number, uint8_t *contents, size_t len)
{
  uint8_t head[TTRPC_FIELD_HEAD] = { (uint8_t) (number << 3 | 2) };
  size_t n = 1, rest = len;
  for (; rest >= 0x80 && n < sizeof head - 1; rest >>= 7)
    head[n++] = (uint8_t) (rest | 0x80);
  head[n++] = (uint8_t) rest;
  return memcpy (contents - n, head, n);
}

int
ttrpc__frame_in_place (struct ttrpc__frame *out, uint32_t stream, uint8_t *payload, size_t payload_len)
{
  if (payload_len == 0 || payload_len > TTRPC_MAX_PAYLOAD - TTRPC_FIELD_HEAD)
    return -EMSGSIZE;
  uint8_t *response = ttrpc_prepend_field (2, payload, payload_len); /* Response.payload */
  size_t len = (size_t) (payload + payload_len - response);
  struct ttrpc_header header = { .len = (uint32_t) len, .stream = stream, .type = TTRPC_TYPE_RESPONSE };
  *out = (struct ttrpc__frame){ response - TTRPC_HEADER_LEN, TTRPC_HEADER_LEN + len };
  ttrpc_header_encode (out->data, &header);
  return 0;
}

void
ttrpc__frame_set_stream (struct ttrpc__frame *frame, uint32_t stream)
{
  struct ttrpc_header header;
  ttrpc_header_decode (&header, frame->data);
  header.stream = stream;
  ttrpc_header_encode (frame->data, &header);
}

Ttrpc__Request *
ttrpc__unpack_request (const uint8_t *data, size_t len)
{
  struct budget budget = budget_for (len);
  budget.allocator.allocator_data = &budget;
  return ttrpc__request__unpack (&budget.allocator, len, data);
}

void
ttrpc__free_request (Ttrpc__Request *request)
{
  if (request != NULL)
    ttrpc__request__free_unpacked (request, NULL);
}

int
ttrpc__unpack_response (struct ttrpc_reply *reply, const uint8_t *data, size_t len)
{
  struct budget budget = budget_for (len);
  budget.allocator.allocator_data = &budget;
  Ttrpc__Response *response = ttrpc__response__unpack (&budget.allocator, len, data);
  if (response == NULL)
    return -EBADMSG;

  *reply = (struct ttrpc_reply){ 0 };
  if (response->status != NULL && response->status->has_code)
    reply->code = response->status->code;
  if (reply->code != TTRPC_OK && response->status->message != NULL)
    reply->message = ttrpc__clean_text (response->status->message);
  if (response->has_payload && response->payload.len > 0) {
    /* Stolen rather than copied: it may be 4 MiB. */
    reply->payload = response->payload.data;
    reply->payload_len = response->payload.len;
    response->payload = (ProtobufCBinaryData){ 0, NULL };
  }
  ttrpc__response__free_unpacked (response, NULL);
  return 0;
}
