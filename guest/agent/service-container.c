/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service-container: the methods about whole containers. */
#include "container.h"
#include "mem.h"
#include "proto/agent.pb-c.h"
#include "service.h"
#include "stats.h"

/* Codes for an unknown id as Kata's own agent gives them. */
#define MISSING         TTRPC_INVALID_ARGUMENT
#define MISSING_IN_VERB TTRPC_INTERNAL

int
service_create_container (struct call *call, const void *message)
{
  return container_create (call->agent, message, &call->fault);
}

int
service_start_container (struct call *call, const void *message)
{
  const Grpc__StartContainerRequest *request = message;
  struct container *container = container_get (call->agent, request->container_id, MISSING_IN_VERB, &call->fault);
  int result = container ? container_start (container, &call->fault) : -1;
  container_unref (container);
  return result;
}

int
service_remove_container (struct call *call, const void *message)
{
  const Grpc__RemoveContainerRequest *request = message;
  struct container *container = container_get (call->agent, request->container_id, MISSING_IN_VERB, &call->fault);
  int result = container ? container_remove (container, request->timeout, &call->fault) : -1;
  container_unref (container);
  return result;
}

int
service_update_container (struct call *call, const void *message)
{
  const Grpc__UpdateContainerRequest *request = message;
  struct container *container = container_get (call->agent, request->container_id, MISSING, &call->fault);
  int result = container ? container_update (container, request->resources, &call->fault) : -1;
  container_unref (container);
  return result;
}

int
service_stats_container (struct call *call, const void *message)
{
  const Grpc__StatsContainerRequest *request = message;
  Grpc__StatsContainerResponse response = GRPC__STATS_CONTAINER_RESPONSE__INIT;
  struct container *container = container_get (call->agent, request->container_id, MISSING, &call->fault);
  if (!container)
    return -1;
  stats_collect (container->id, &response);
  container_unref (container);
  return call_reply_and_clear (call, &response.base);
}

static int
set_paused (struct call *call, const char *id, int paused)
{
  struct container *container = container_get (call->agent, id, MISSING, &call->fault);
  int result = container ? container_set_paused (container, paused, &call->fault) : -1;
  container_unref (container);
  return result;
}

int
service_pause_container (struct call *call, const void *message)
{
  return set_paused (call, ((const Grpc__PauseContainerRequest *) message)->container_id, 1);
}

int
service_resume_container (struct call *call, const void *message)
{
  return set_paused (call, ((const Grpc__ResumeContainerRequest *) message)->container_id, 0);
}

int
service_get_oom_event (struct call *call, const void *message)
{
  char id[PATH_ID_MAX + 1];
  Grpc__OOMEvent event = GRPC__OOMEVENT__INIT;
  if (oom_next (&call->agent->oom, call->request, id, &call->fault) < 0)
    return -1;
  event.container_id = id;
  return call_reply (call, &event.base);
}
