/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call: one request to the agent and its reply, decoded within bounds; errors mapped. Knows no method. */
#ifndef KATA_AGENT_CALL_H
#define KATA_AGENT_CALL_H

#include "agent/agent.h"

#define KATA_AGENT_SERVICE "grpc.AgentService"
#define KATA_AGENT_HEALTH  "grpc.Health"

/* Defaults of Kata's runtime, in milliseconds. */
#define KATA_AGENT_TIMEOUT        60000
#define KATA_AGENT_TIMEOUT_HEALTH 30000
#define KATA_AGENT_TIMEOUT_NONE   (-1)

/* Texts in replies that are names (not output, not metrics). */
#define KATA_AGENT_NAME_MAX 256u

/* Reading and writing of streams goes in pieces of this size at most; the protocol's frames end at 4 MiB. */
#define KATA_AGENT_PIECE (1u << 20)

struct kata_agent {
  gatomicrefcount refs;
  ttrpc_client *client;
};

struct kata_agent_call {
  const char *service; /* NULL = KATA_AGENT_SERVICE */
  const char *method;
  const char *about; /* (nullable): the container's id, for errors */
  const ProtobufCMessage *request;
  int64_t timeout_ms; /* as the caller gave it */
  int64_t default_ms; /* 0 = KATA_AGENT_TIMEOUT */
};

/** For replies without content. */
int kata_agent__call (kata_agent *agent, const struct kata_agent_call *call, kata_error **err);
/** @out (out) (transfer full): for kata_agent__message_free(). */
int kata_agent__call_reply (kata_agent *agent, const struct kata_agent_call *call,
                            const ProtobufCMessageDescriptor *type, void *out, kata_error **err);

/** Decodes a reply; exactly one of @reply and @error is set. On a thread of the connection's. */
typedef void (*kata_agent_reply_fn) (void *data, void *reply, const kata_error *error);
/** @data is freed with @data_free after @done has run, or at once on failure. @out (nullable). */
int kata_agent__call_start (kata_agent *agent, kata_agent_pending **out, const struct kata_agent_call *call,
                            const ProtobufCMessageDescriptor *type, kata_agent_reply_fn done, void *data,
                            GDestroyNotify data_free, kata_error **err);

/** Makes the error for a reply that makes no sense; returns KATA_E_PROTOCOL. */
int kata_agent__nonsense (kata_error **err, const char *method, const char *about, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/** Whether a text from a reply is short UTF-8 without control characters; NULL passes. */
bool kata_agent__text_ok (const char *text);
/** Whether it is an id as the library makes them. */
bool kata_agent__id_ok (const char *id);

/** Deadline arithmetic for calls made of several: the caller's time-out to monotonic microseconds, and back. */
int64_t kata_agent__deadline (int64_t timeout_ms);
int64_t kata_agent__time_left (int64_t deadline);

#endif
