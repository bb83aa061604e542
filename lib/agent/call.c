/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call: one request to the agent and its reply, decoded within bounds; errors mapped. Knows no method. */
#include "agent/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/*
 * Decoded messages are larger than their bytes: an empty interface takes 2 on the wire and 120 in memory. An honest list stays far below the
 * factor; a frame of 4 MiB made of nothing but empty elements does not.
 */
#define DECODE_FACTOR 16
#define DECODE_SLACK  (1u << 20)
#define DECODE_MAX    (64u << 20)

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
  free (pointer);
}

static ProtobufCMessage *
decode (const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len)
{
  struct budget budget = { { budget_alloc, budget_free, NULL }, MIN (DECODE_MAX, DECODE_SLACK + DECODE_FACTOR * len) };
  budget.allocator.allocator_data = &budget;
  return protobuf_c_message_unpack (type, &budget.allocator, len, data);
}

void
kata_agent__message_free (void *message)
{
  if (message != NULL)
    protobuf_c_message_free_unpacked (message, NULL);
}

static int
code_for_status (const struct ttrpc_reply *reply)
{
  switch (reply->code) {
  case TTRPC_DEADLINE_EXCEEDED:
    return KATA_E_TIMEOUT;
  case TTRPC_CANCELLED:
    return KATA_E_CANCELLED;
  case TTRPC_NOT_FOUND:
    return KATA_E_NOT_FOUND;
  case TTRPC_ALREADY_EXISTS:
    return KATA_E_EXISTS;
  case TTRPC_PERMISSION_DENIED:
    return KATA_E_PERMISSION;
  case TTRPC_FAILED_PRECONDITION:
    return KATA_E_STATE;
  case TTRPC_UNIMPLEMENTED:
    return KATA_E_UNSUPPORTED;
  case TTRPC_RESOURCE_EXHAUSTED:
    /* Too large a request never gets so far: what is found on this side is too large a reply. */
    return reply->local ? KATA_E_PROTOCOL : KATA_E_LIMIT;
  case TTRPC_INTERNAL:
    return reply->local ? KATA_E_PROTOCOL : KATA_E_AGENT;
  default:
    return KATA_E_AGENT;
  }
}

/* Agents report a program that cannot be run as an internal error; only the container runtime's words in it tell. */
static int
code_for_program (int code, const char *text)
{
  static const char *const marks[] = { "executable file", "open executable", "exec container process", "exec: \"" };
  gboolean marked = FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (marks); i++)
    marked = marked || strstr (text, marks[i]) != NULL;
  if (code != KATA_E_AGENT || !marked)
    return code;
  if (strstr (text, "not found") != NULL || strstr (text, "No such file") != NULL)
    return KATA_E_NOT_FOUND;
  return strstr (text, "ermission denied") != NULL || strstr (text, "xec format error") != NULL ? KATA_E_PERMISSION
                                                                                                : code;
}

/* The agent's own words are marked as such, and cut and escaped where errors are made. */
static int
status_error (kata_error **err, const char *method, const char *about, const struct ttrpc_reply *reply)
{
  const char *text = reply->message != NULL && reply->message[0] != '\0' ? reply->message : "no reason given";
  int status = code_for_status (reply), code = code_for_program (status, text);

  if (code != status)
    about = "process.args";
  if (reply->local && reply->code == TTRPC_UNAVAILABLE)
    return kata_error__set (err, code, about, "agent: %s: the connection to the guest is lost: %.512s", method, text);
  if (reply->local)
    return kata_error__set (err, code, about, "agent: %s: %.512s", method, text);
  return kata_error__set (err, code, about, "agent: %s: the guest says (code %d): %.3900s", method, (int) reply->code,
                          text);
}

int
kata_agent__nonsense (kata_error **err, const char *method, const char *about, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  return kata_error__set (err, KATA_E_PROTOCOL, about, "agent: %s: the guest's reply makes no sense: %s", method, text);
}

static int64_t
call_timeout (const struct kata_agent_call *call)
{
  if (call->timeout_ms == KATA_TIMEOUT_NONE)
    return -1;
  if (call->timeout_ms >= 0)
    return call->timeout_ms;
  return call->default_ms == 0 ? KATA_AGENT_TIMEOUT : call->default_ms;
}

/* Packs the request; @out (transfer full) malloc'ed or NULL for an empty one. */
static int
call_pack (const struct kata_agent_call *call, void **out, size_t *len, kata_error **err)
{
  *len = protobuf_c_message_get_packed_size (call->request);
  *out = NULL;
  /* The envelope around it takes less than 1 KiB. */
  if (*len > TTRPC_MAX_PAYLOAD - 1024)
    return kata_error__set (err, KATA_E_LIMIT, call->about, "agent: %s: the request takes %zu bytes, 4 MiB is the most",
                            call->method, *len);
  if (*len == 0)
    return 0;
  *out = malloc (*len);
  if (*out == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, call->about, "agent: %s: no memory for the request", call->method);
  protobuf_c_message_pack (call->request, *out);
  return 0;
}

static const char *
call_service (const struct kata_agent_call *call)
{
  return call->service != NULL ? call->service : KATA_AGENT_SERVICE;
}

/* The reply's message, or NULL and an error. @type NULL: nobody wants it. */
static ProtobufCMessage *
reply_decode (const struct ttrpc_reply *reply, const ProtobufCMessageDescriptor *type, const char *method,
              const char *about, kata_error **err)
{
  ProtobufCMessage *message = decode (type, reply->payload, reply->payload_len);
  if (message == NULL)
    kata_agent__nonsense (err, method, about, "it does not decode as %s", type->name);
  return message;
}

int
kata_agent__call_reply (kata_agent *agent, const struct kata_agent_call *call, const ProtobufCMessageDescriptor *type,
                        void *out, kata_error **err)
{
  struct ttrpc_reply reply = { 0 };
  void *request;
  size_t len;

  int r = call_pack (call, &request, &len, err);
  if (r < 0)
    return r;
  ttrpc_client_call (agent->client, call_service (call), call->method, request, len, call_timeout (call), &reply);
  free (request);
  if (reply.code != TTRPC_OK)
    r = status_error (err, call->method, call->about, &reply);
  else if (type != NULL) {
    ProtobufCMessage *message = reply_decode (&reply, type, call->method, call->about, err);
    if (message != NULL)
      *(void **) out = message;
    else
      r = KATA_E_PROTOCOL;
  }
  ttrpc_reply_clear (&reply);
  return r;
}

int
kata_agent__call (kata_agent *agent, const struct kata_agent_call *call, kata_error **err)
{
  return kata_agent__call_reply (agent, call, NULL, NULL, err);
}

/* ---- asynchronous ---- */

struct kata_agent_pending {
  gatomicrefcount refs; /* the handle's and the callback's */
  ttrpc_call *call;     /* the handle's own; set before it is given out */
  const char *method;   /* static */
  char *about;
  const ProtobufCMessageDescriptor *type;
  kata_agent_reply_fn done;
  void *data;
  GDestroyNotify data_free;
};

static void
pending_unref (kata_agent_pending *pending)
{
  if (!g_atomic_ref_count_dec (&pending->refs))
    return;
  g_free (pending->about);
  g_free (pending);
}

static void
pending_done (void *user, const struct ttrpc_reply *reply)
{
  kata_agent_pending *pending = user;
  kata_error *error = NULL;
  ProtobufCMessage *message = NULL;

  if (reply->code != TTRPC_OK)
    status_error (&error, pending->method, pending->about, reply);
  else
    message = reply_decode (reply, pending->type, pending->method, pending->about, &error);
  pending->done (pending->data, message, error);
  if (pending->data_free != NULL)
    pending->data_free (pending->data);
  kata_agent__message_free (message);
  kata_error_unref (error);
  pending_unref (pending);
}

static int
start_error (kata_agent *agent, const struct kata_agent_call *call, int errnum, kata_error **err)
{
  const char *why = NULL;
  if (errnum == -ENOTCONN && ttrpc_client_is_closed (agent->client, &why))
    return kata_error__set (err, KATA_E_AGENT, call->about, "agent: %s: the connection to the guest is lost: %s",
                            call->method, why);
  return kata_error__errno (err, KATA_E_AGENT, call->about, -errnum, "agent: %s", call->method);
}

int
kata_agent__call_start (kata_agent *agent, kata_agent_pending **out, const struct kata_agent_call *call,
                        const ProtobufCMessageDescriptor *type, kata_agent_reply_fn done, void *data,
                        GDestroyNotify data_free, kata_error **err)
{
  void *request = NULL;
  size_t len;
  int r = call_pack (call, &request, &len, err);
  if (r < 0) {
    if (data_free != NULL)
      data_free (data);
    return r;
  }
  kata_agent_pending *pending = g_new0 (kata_agent_pending, 1);
  g_atomic_ref_count_init (&pending->refs);
  g_atomic_ref_count_inc (&pending->refs);
  pending->method = call->method;
  pending->about = g_strdup (call->about);
  pending->type = type;
  pending->done = done;
  pending->data = data;
  pending->data_free = data_free;
  r = ttrpc_client_start (agent->client, out != NULL ? &pending->call : NULL, call_service (call), call->method,
                          request, len, call_timeout (call), pending_done, pending);
  free (request);
  if (r < 0) {
    if (data_free != NULL)
      data_free (data);
    pending_unref (pending);
    pending_unref (pending);
    return start_error (agent, call, r, err);
  }
  if (out != NULL)
    *out = pending;
  else
    pending_unref (pending);
  return 0;
}

void
kata_agent_pending__cancel (kata_agent_pending *pending)
{
  ttrpc_call_cancel (pending->call);
}

kata_agent_pending *
kata_agent_pending__unref (kata_agent_pending *pending)
{
  if (pending != NULL) {
    ttrpc_call_unref (pending->call);
    pending_unref (pending);
  }
  return NULL;
}
