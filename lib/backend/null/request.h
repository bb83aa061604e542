/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* request: what the null guest's methods share: decode, take the lock, count the step, answer. */
#ifndef KATA_BACKEND_NULL_REQUEST_H
#define KATA_BACKEND_NULL_REQUEST_H

#include <ttrpc/ttrpc.h>

#include "backend/null/guest.h"
#include "backend/null/program.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"

/** An answer under construction: malloc'ed, as ttrpc frees it. */
struct null_reply {
  uint8_t *payload;
  size_t payload_len;
  char *message;
};

const char *kata_null__text (const char *text); /* "" for NULL */
int32_t kata_null_reply__fail (struct null_reply *reply, int32_t code, const char *format, ...) G_GNUC_PRINTF (3, 4);
int32_t kata_null_reply__pack (struct null_reply *reply, const ProtobufCMessage *message);

/** Waits while the machine is paused and counts the request; fails when it is the one that shall fail. */
int32_t kata_null_request__enter (struct null_guest *guest, ttrpc_request *request, struct null_reply *reply);
/** The init process (@exec_id empty) or an exec'ed one, borrowed while the guest's lock is held. */
int32_t kata_null_request__process (struct null_guest *guest, const char *container_id, const char *exec_id,
                                    struct null_process **out, struct null_reply *reply);

/** Makes `NAME_rpc` of `NAME`: decode, enter, run under the guest's lock, hand the answer to ttrpc. */
#define NULL_METHOD(name, Type, prefix)                                                                                \
  static int32_t name##_rpc (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,   \
                             size_t *payload_len, char **message)                                                      \
  {                                                                                                                    \
    struct null_guest *guest = user;                                                                                   \
    struct null_reply reply = { 0 };                                                                                   \
    Type *q = prefix##__unpack (NULL, len, data);                                                                      \
    int32_t code = q == NULL ? kata_null_reply__fail (&reply, TTRPC_INVALID_ARGUMENT, "cannot decode the request")     \
                             : kata_null_request__enter (guest, request, &reply);                                      \
    if (code == TTRPC_OK) {                                                                                            \
      g_mutex_lock (&guest->lock);                                                                                     \
      code = name (guest, request, q, &reply);                                                                         \
      g_mutex_unlock (&guest->lock);                                                                                   \
    }                                                                                                                  \
    if (q != NULL)                                                                                                     \
      prefix##__free_unpacked (q, NULL);                                                                               \
    *payload = reply.payload;                                                                                          \
    *payload_len = reply.payload_len;                                                                                  \
    *message = reply.message;                                                                                          \
    return code;                                                                                                       \
  }

/* stream.c: the methods that may block, so they run without the guest's lock. */
#define NULL_STREAM_METHOD(name)                                                                                       \
  int32_t name (void *user, ttrpc_request *request, const uint8_t *data, size_t len, uint8_t **payload,                \
                size_t *payload_len, char **message)
NULL_STREAM_METHOD (kata_null_stream__wait_process);
NULL_STREAM_METHOD (kata_null_stream__write_stdin);
NULL_STREAM_METHOD (kata_null_stream__read_stdout);
NULL_STREAM_METHOD (kata_null_stream__read_stderr);
NULL_STREAM_METHOD (kata_null_stream__close_stdin);
NULL_STREAM_METHOD (kata_null_stream__tty_win_resize);
NULL_STREAM_METHOD (kata_null_stream__get_oom_event);

#endif
