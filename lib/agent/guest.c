/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest: calls about the guest as a whole: sandbox, details, clock, random numbers, CPUs and memory, metrics, out-of-memory events. */
#include "agent/call.h"

#include <string.h>

#include "base/error.h"

#define HANDLERS_MAX 256u

int
kata_agent__create_sandbox (kata_agent *agent, const Grpc__CreateSandboxRequest *request, int64_t timeout_ms,
                            kata_error **err)
{
  const struct kata_agent_call call = {
    .method = "CreateSandbox", .about = request->sandbox_id, .request = &request->base, .timeout_ms = timeout_ms
  };
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__destroy_sandbox (kata_agent *agent, int64_t timeout_ms, kata_error **err)
{
  Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "DestroySandbox",
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms };
  return kata_agent__call (agent, &call, err);
}

/* Copies a list of names from a reply; NULL if there are too many or one is no name. */
static char **
names_copy (char *const *names, size_t count)
{
  if (count > HANDLERS_MAX)
    return NULL;
  char **copy = g_new0 (char *, count + 1);
  for (size_t i = 0; i < count; i++) {
    if (!kata_agent__text_ok (names[i])) {
      g_strfreev (copy);
      return NULL;
    }
    copy[i] = g_strdup (names[i]);
  }
  return copy;
}

void
kata_agent_details__clear (struct kata_agent_details *details)
{
  g_free (details->version);
  g_strfreev (details->storage_handlers);
  g_strfreev (details->extra_features);
  memset (details, 0, sizeof *details);
}

static int
details_copy (struct kata_agent_details *out, const Grpc__GuestDetailsResponse *reply, kata_error **err)
{
  const Grpc__AgentDetails *agent = reply->agent_details;
  struct kata_agent_details details = { .mem_block_bytes = reply->mem_block_size_bytes,
                                        .mem_hotplug_probe = reply->support_mem_hotplug_probe };
  if (agent == NULL || agent->version == NULL || !kata_agent__text_ok (agent->version))
    return kata_agent__nonsense (err, "GetGuestDetails", NULL, "the version is missing or no short text");
  details.version = g_strdup (agent->version);
  details.init_daemon = agent->init_daemon;
  details.supports_seccomp = agent->supports_seccomp;
  details.storage_handlers = names_copy (agent->storage_handlers, agent->n_storage_handlers);
  details.extra_features = names_copy (agent->extra_features, agent->n_extra_features);
  if (details.storage_handlers == NULL || details.extra_features == NULL) {
    kata_agent_details__clear (&details);
    return kata_agent__nonsense (err, "GetGuestDetails", NULL, "a list of names is too long or holds no short texts");
  }
  *out = details;
  return 0;
}

int
kata_agent__guest_details (kata_agent *agent, struct kata_agent_details *out, int64_t timeout_ms, kata_error **err)
{
  Grpc__GuestDetailsRequest request = GRPC__GUEST_DETAILS_REQUEST__INIT;
  Grpc__GuestDetailsResponse *reply;
  const struct kata_agent_call call = { .method = "GetGuestDetails",
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms };

  request.has_mem_block_size = request.mem_block_size = 1;
  request.has_mem_hotplug_probe = request.mem_hotplug_probe = 1;
  int r = kata_agent__call_reply (agent, &call, &grpc__guest_details_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  r = details_copy (out, reply, err);
  kata_agent__message_free (reply);
  return r;
}

int
kata_agent__set_datetime (kata_agent *agent, int64_t seconds, int64_t microseconds, int64_t timeout_ms,
                          kata_error **err)
{
  Grpc__SetGuestDateTimeRequest request = GRPC__SET_GUEST_DATE_TIME_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "SetGuestDateTime",
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms };
  request.has_sec = request.has_usec = 1;
  request.sec = seconds;
  request.usec = microseconds;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__reseed (kata_agent *agent, const void *data, size_t len, int64_t timeout_ms, kata_error **err)
{
  Grpc__ReseedRandomDevRequest request = GRPC__RESEED_RANDOM_DEV_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "ReseedRandomDev",
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms };
  request.has_data = 1;
  request.data = (ProtobufCBinaryData){ len, (uint8_t *) data };
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__online_cpu_mem (kata_agent *agent, uint32_t cpus, bool cpus_only, int64_t timeout_ms, kata_error **err)
{
  Grpc__OnlineCPUMemRequest request = GRPC__ONLINE_CPUMEM_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "OnlineCPUMem", .request = &request.base, .timeout_ms = timeout_ms };
  request.has_nb_cpus = request.has_cpu_only = 1;
  request.nb_cpus = cpus;
  request.cpu_only = cpus_only;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__metrics (kata_agent *agent, char **out, int64_t timeout_ms, kata_error **err)
{
  Grpc__GetMetricsRequest request = GRPC__GET_METRICS_REQUEST__INIT;
  Grpc__Metrics *reply;
  const struct kata_agent_call call = { .method = "GetMetrics", .request = &request.base, .timeout_ms = timeout_ms };
  int r = kata_agent__call_reply (agent, &call, &grpc__metrics__descriptor, &reply, err);
  if (r < 0)
    return r;
  *out = g_utf8_make_valid (reply->metrics != NULL ? reply->metrics : "", -1);
  /* It is shown on terminals: lines and tabs are all the control that it may have. */
  for (char *p = *out; *p != '\0'; p++)
    if (((guchar) *p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
      *p = '?';
  kata_agent__message_free (reply);
  return 0;
}

struct oom_wait {
  kata_agent_oom_fn done;
  void *user;
};

static void
oom_done (void *data, void *message, const kata_error *error)
{
  const struct oom_wait *wait = data;
  const Grpc__OOMEvent *reply = message;
  kata_error *nonsense = NULL;

  if (error == NULL && !kata_agent__id_ok (reply->container_id)) {
    kata_agent__nonsense (&nonsense, "GetOOMEvent", NULL, "the container's id is none");
    error = nonsense;
  }
  wait->done (wait->user, error == NULL ? reply->container_id : NULL, error);
  kata_error_unref (nonsense);
}

int
kata_agent__oom_start (kata_agent *agent, kata_agent_pending **out, kata_agent_oom_fn done, void *user,
                       kata_error **err)
{
  Grpc__GetOOMEventRequest request = GRPC__GET_OOMEVENT_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "GetOOMEvent",
                                        .request = &request.base,
                                        .timeout_ms = KATA_TIMEOUT_NONE };
  struct oom_wait *wait = g_new0 (struct oom_wait, 1);
  *wait = (struct oom_wait){ done, user };
  return kata_agent__call_start (agent, out, &call, &grpc__oomevent__descriptor, oom_done, wait, g_free, err);
}
