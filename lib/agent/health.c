/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* health: is the agent there, and which release is it; the service grpc.Health. */
#include "agent/call.h"

#include "proto/health.pb-c.h"

int
kata_agent__check (kata_agent *agent, int64_t timeout_ms, kata_error **err)
{
  Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
  Grpc__HealthCheckResponse *reply;
  const struct kata_agent_call call = {
    .service = KATA_AGENT_HEALTH,
    .method = "Check",
    .request = &request.base,
    .timeout_ms = timeout_ms,
    .default_ms = KATA_AGENT_TIMEOUT_HEALTH,
  };
  int r = kata_agent__call_reply (agent, &call, &grpc__health_check_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  bool serving = reply->status == GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
  int status = (int) reply->status;
  kata_agent__message_free (reply);
  return serving ? 0 : kata_agent__nonsense (err, "Check", NULL, "status %d, where 1 (serving) is expected", status);
}

struct sign_wait {
  kata_agent_sign_fn done;
  void *user;
};

static void
sign_done (void *data, void *message, const kata_error *error)
{
  const struct sign_wait *wait = data;
  wait->done (wait->user, error);
}

int
kata_agent__check_start (kata_agent *agent, int64_t timeout_ms, kata_agent_sign_fn done, void *user, kata_error **err)
{
  Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
  const struct kata_agent_call call = {
    .service = KATA_AGENT_HEALTH, .method = "Check", .request = &request.base, .timeout_ms = timeout_ms
  };
  struct sign_wait *wait = g_new0 (struct sign_wait, 1);
  *wait = (struct sign_wait){ done, user };
  return kata_agent__call_start (agent, NULL, &call, &grpc__health_check_response__descriptor, sign_done, wait, g_free,
                                 err);
}

int
kata_agent__version (kata_agent *agent, char **out, int64_t timeout_ms, kata_error **err)
{
  Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
  Grpc__VersionCheckResponse *reply;
  const struct kata_agent_call call = {
    .service = KATA_AGENT_HEALTH,
    .method = "Version",
    .request = &request.base,
    .timeout_ms = timeout_ms,
    .default_ms = KATA_AGENT_TIMEOUT_HEALTH,
  };
  int r = kata_agent__call_reply (agent, &call, &grpc__version_check_response__descriptor, &reply, err);
  if (r < 0)
    return r;
  if (reply->agent_version == NULL || !kata_agent__text_ok (reply->agent_version))
    r = kata_agent__nonsense (err, "Version", NULL, "the version is missing or no short text");
  else
    *out = g_strdup (reply->agent_version);
  kata_agent__message_free (reply);
  return r;
}
