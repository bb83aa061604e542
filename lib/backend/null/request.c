/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: decode, step, answer; which request means what is service.c's. */
#include "backend/null/request.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_STEP_US 5000

const char *
kata_null__text (const char *text)
{
  return text != NULL ? text : "";
}

int32_t
kata_null_reply__fail (struct null_reply *reply, int32_t code, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  reply->message = strdup (text); /* ttrpc frees it with free() */
  return code;
}

int32_t
kata_null_reply__pack (struct null_reply *reply, const ProtobufCMessage *message)
{
  reply->payload_len = protobuf_c_message_get_packed_size (message);
  reply->payload = malloc (reply->payload_len + 1);
  if (reply->payload == NULL)
    return TTRPC_RESOURCE_EXHAUSTED;
  protobuf_c_message_pack (message, reply->payload);
  return TTRPC_OK;
}

int32_t
kata_null_request__enter (struct null_guest *guest, ttrpc_request *request, struct null_reply *reply)
{
  while (g_atomic_int_get (&guest->paused) != 0 && !ttrpc_request_is_cancelled (request) &&
         g_atomic_int_get (&guest->ending) == 0)
    g_usleep (PAUSE_STEP_US);
  guint32 step = (guint32) g_atomic_int_add (&guest->step, 1) + 1;
  if (step == guest->fail_at)
    return kata_null_reply__fail (reply, TTRPC_INTERNAL, "told to fail at step %u", step);
  return ttrpc_request_is_cancelled (request) ? TTRPC_CANCELLED : TTRPC_OK;
}

int32_t
kata_null_request__process (struct null_guest *guest, const char *container_id, const char *exec_id,
                            struct null_process **out, struct null_reply *reply)
{
  struct null_container *c = container_id != NULL ? g_hash_table_lookup (guest->containers, container_id) : NULL;
  if (c == NULL)
    return kata_null_reply__fail (reply, TTRPC_INVALID_ARGUMENT, "no container %s", kata_null__text (container_id));
  gboolean is_init = exec_id == NULL || *exec_id == '\0' || strcmp (exec_id, container_id) == 0;
  *out = is_init ? c->init : g_hash_table_lookup (c->execs, exec_id);
  if (*out == NULL)
    return kata_null_reply__fail (reply, TTRPC_NOT_FOUND, "no process %s", exec_id);
  return TTRPC_OK;
}
