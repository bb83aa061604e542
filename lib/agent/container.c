/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the calls about one container in the guest, but not about its processes. */
#include "agent/call.h"

#include <string.h>

int
kata_agent__create_container (kata_agent *agent, const Grpc__CreateContainerRequest *request, int64_t timeout_ms,
                              kata_error **err)
{
  const struct kata_agent_call call = {
    .method = "CreateContainer", .about = request->container_id, .request = &request->base, .timeout_ms = timeout_ms
  };
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__start_container (kata_agent *agent, const char *container_id, int64_t timeout_ms, kata_error **err)
{
  Grpc__StartContainerRequest request = GRPC__START_CONTAINER_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "StartContainer", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__remove_container (kata_agent *agent, const char *container_id, uint32_t grace_s, int64_t timeout_ms,
                              kata_error **err)
{
  Grpc__RemoveContainerRequest request = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "RemoveContainer", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  request.has_timeout = grace_s > 0;
  request.timeout = grace_s;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__pause_container (kata_agent *agent, const char *container_id, int64_t timeout_ms, kata_error **err)
{
  Grpc__PauseContainerRequest request = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "PauseContainer", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__resume_container (kata_agent *agent, const char *container_id, int64_t timeout_ms, kata_error **err)
{
  Grpc__ResumeContainerRequest request = GRPC__RESUME_CONTAINER_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "ResumeContainer", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__update_container (kata_agent *agent, const char *container_id, const Grpc__LinuxResources *resources,
                              int64_t timeout_ms, kata_error **err)
{
  Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "UpdateContainer", .about = container_id, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.container_id = (char *) container_id;
  request.resources = (Grpc__LinuxResources *) resources;
  return kata_agent__call (agent, &call, err);
}
