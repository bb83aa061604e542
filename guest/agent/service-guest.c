/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service-guest: the methods about the machine, and the health service. */
#include "guest.h"

#include <stdio.h>

#include "mem.h"
#include "proto/agent.pb-c.h"
#include "proto/features.h"
#include "proto/health.pb-c.h"
#include "service.h"

/* Of the protocol, as Kata's own agent says. */
#define API_VERSION "0.0.1"

int
service_get_metrics (struct call *call, const void *message)
{
  Grpc__Metrics metrics = GRPC__METRICS__INIT;
  auto_free char *text = guest_metrics (call->agent);
  metrics.metrics = text;
  return call_reply (call, &metrics.base);
}

int
service_online_cpu_mem (struct call *call, const void *message)
{
  const Grpc__OnlineCPUMemRequest *request = message;
  return guest_online (request->nb_cpus, request->cpu_only, &call->fault);
}

int
service_reseed_random_dev (struct call *call, const void *message)
{
  const Grpc__ReseedRandomDevRequest *request = message;
  return guest_reseed (request->data.data, request->data.len, &call->fault);
}

int
service_get_guest_details (struct call *call, const void *message)
{
  const Grpc__GuestDetailsRequest *request = message;
  Grpc__GuestDetailsResponse response = GRPC__GUEST_DETAILS_RESPONSE__INIT;
  Grpc__AgentDetails details = GRPC__AGENT_DETAILS__INIT;
  const char *const *drivers = storage_drivers ();
  char start[40], *features[] = { start };
  snprintf (start, sizeof start, KATA_FEATURE_START_MS "%d", call->agent->start_ms);
  details.extra_features = features;
  details.n_extra_features = 1;
  details.version = (char *) KATA_VERSION;
  details.has_init_daemon = 1;
  details.init_daemon = call->agent->is_init;
  details.has_supports_seccomp = 1;
  details.supports_seccomp = 1;
  while (drivers[details.n_storage_handlers])
    details.n_storage_handlers++;
  details.storage_handlers = (char **) drivers;
  response.agent_details = &details;
  if (request->mem_block_size) {
    response.has_mem_block_size_bytes = 1;
    response.mem_block_size_bytes = guest_memory_block ();
  }
  return call_reply (call, &response.base);
}

int
service_set_guest_date_time (struct call *call, const void *message)
{
  const Grpc__SetGuestDateTimeRequest *request = message;
  return guest_set_time (request->sec, request->usec, &call->fault);
}

int
service_check (struct call *call, const void *message)
{
  Grpc__HealthCheckResponse response = GRPC__HEALTH_CHECK_RESPONSE__INIT;
  response.has_status = 1;
  response.status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
  return call_reply (call, &response.base);
}

int
service_version (struct call *call, const void *message)
{
  Grpc__VersionCheckResponse response = GRPC__VERSION_CHECK_RESPONSE__INIT;
  response.grpc_version = (char *) API_VERSION;
  response.agent_version = (char *) KATA_VERSION;
  return call_reply (call, &response.base);
}
