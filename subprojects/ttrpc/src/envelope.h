/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Request and Response of the wire to and from frames; bounds what decoding may allocate. No sockets, no threads. */
#ifndef TTRPC_ENVELOPE_H
#define TTRPC_ENVELOPE_H

#include "frame.h"
#include "ttrpc.pb-c.h"

/* Error texts longer than this are cut, in both directions. */
#define TTRPC__MESSAGE_MAX (64u << 10)

/* Each makes a frame in malloc'ed memory: 0, -ENOMEM, or -EMSGSIZE above TTRPC_MAX_PAYLOAD. */
int ttrpc__pack_request (struct ttrpc__frame *out, const char *service, const char *method, const void *payload,
                         size_t payload_len, int64_t timeout_nano);
int ttrpc__pack_response (struct ttrpc__frame *out, uint32_t stream, int32_t code, const char *message,
                          const uint8_t *payload, size_t payload_len);
/* A successful response around @payload, written into the bytes before it, of which there are TTRPC_HEADER_LEN + 6: @out lies there and is not to be
   freed. 0, or -EMSGSIZE where there is no payload or too much of it. */
int ttrpc__frame_in_place (struct ttrpc__frame *out, uint32_t stream, uint8_t *payload, size_t payload_len);
/* The stream id is only known when a request is put in the queue. */
void ttrpc__frame_set_stream (struct ttrpc__frame *frame, uint32_t stream);

/* NULL: does not decode, or asks for far more memory than its length. */
Ttrpc__Request *ttrpc__unpack_request (const uint8_t *data, size_t len);
void ttrpc__free_request (Ttrpc__Request *request);
/* 0 and a filled reply (the peer's), or -EBADMSG and an untouched one. */
int ttrpc__unpack_response (struct ttrpc_reply *reply, const uint8_t *data, size_t len);

/* A reply made on this side; the message may be lost to a lack of memory, the code never. */
struct ttrpc_reply ttrpc__local_reply (int32_t code, const char *message);
/* A copy of at most TTRPC__MESSAGE_MAX bytes; bytes that are not UTF-8 become '?'. NULL without memory. */
char *ttrpc__clean_text (const char *text);

#endif
