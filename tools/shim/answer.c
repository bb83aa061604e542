/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* answer: what goes back over ttrpc: messages, codes of errors, times. */
#include "service.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What Go's zero time is on the wire: "not yet". */
#define NO_TIME INT64_C (-62135596800)

int32_t
answer_pack (answer *answer, const ProtobufCMessage *message)
{
  size_t length = protobuf_c_message_get_packed_size (message);
  uint8_t *payload = malloc (length + 1);
  if (!payload)
    return TTRPC_RESOURCE_EXHAUSTED;
  *answer->length = protobuf_c_message_pack (message, payload);
  *answer->payload = payload;
  return TTRPC_OK;
}

int32_t
answer_fail (answer *answer, int32_t code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  free (*answer->message);
  *answer->message = strdup (text); /* ttrpc frees it */
  return code;
}

static int32_t
code_of (int code)
{
  switch (code) {
  case KATA_E_INVALID:
  case KATA_E_CONFIG:
  case KATA_E_SPEC:
    return TTRPC_INVALID_ARGUMENT;
  case KATA_E_UNSUPPORTED:
    return TTRPC_UNIMPLEMENTED;
  case KATA_E_NOT_FOUND:
    return TTRPC_NOT_FOUND;
  case KATA_E_EXISTS:
    return TTRPC_ALREADY_EXISTS;
  case KATA_E_STATE:
    return TTRPC_FAILED_PRECONDITION;
  case KATA_E_BUSY:
    return TTRPC_UNAVAILABLE;
  case KATA_E_TIMEOUT:
    return TTRPC_DEADLINE_EXCEEDED;
  case KATA_E_CANCELLED:
    return TTRPC_CANCELLED;
  case KATA_E_NO_MEMORY:
  case KATA_E_LIMIT:
    return TTRPC_RESOURCE_EXHAUSTED;
  case KATA_E_PERMISSION:
    return TTRPC_PERMISSION_DENIED;
  case KATA_E_INTERNAL:
    return TTRPC_INTERNAL;
  default:
    return TTRPC_UNKNOWN;
  }
}

int32_t
answer_error (answer *answer, kata_error *error)
{
  int32_t code = answer_fail (answer, code_of (kata_error_get_code (error)), "%s", kata_error_get_message (error));
  kata_error_unref (error);
  return code;
}

int32_t
answer_start_error (answer *answer, kata_error *error)
{
  int32_t code = answer_error (answer, error);
  return code == TTRPC_NOT_FOUND || code == TTRPC_PERMISSION_DENIED ? TTRPC_UNKNOWN : code;
}

void
answer_time (Shim__Timestamp *out, gint64 us)
{
  out->seconds = us > 0 ? us / G_USEC_PER_SEC : NO_TIME;
  out->nanos = us > 0 ? (int32_t) (us % G_USEC_PER_SEC) * 1000 : 0;
}
