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
