/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service-sandbox: the methods about the pod, its network and its files. */
#include "copyfile.h"
#include "mem.h"
#include "network.h"
#include "power.h"
#include "proto/agent.pb-c.h"
#include "sandbox.h"
#include "service.h"

int
service_create_sandbox (struct call *call, const void *message)
{
  return sandbox_create (call->agent, message, &call->fault);
}

int
service_destroy_sandbox (struct call *call, const void *message)
{
  sandbox_destroy (call->agent);
  power_off_after_reply (call->agent);
  return 0;
}

int
service_update_interface (struct call *call, const void *message)
{
  const Grpc__UpdateInterfaceRequest *request = message;
  if (!request->interface)
    return fault_set (&call->fault, TTRPC_INVALID_ARGUMENT, "no interface in the request");
  if (network_update_interface (&call->agent->log, request->interface, call->agent->options.hotplug_timeout,
                                &call->fault) < 0)
    return -1;
  return call_reply (call, &request->interface->base);
}

int
service_list_routes (struct call *call, const void *message)
{
  Grpc__Routes routes = GRPC__ROUTES__INIT;
  if (network_list_routes (&routes, &call->fault) < 0)
    return -1;
  return call_reply_and_clear (call, &routes.base);
}

int
service_update_routes (struct call *call, const void *message)
{
  const Grpc__UpdateRoutesRequest *request = message;
  if (network_update_routes (request->routes, &call->fault) < 0)
    return -1;
  return service_list_routes (call, message);
}

int
service_list_interfaces (struct call *call, const void *message)
{
  Grpc__Interfaces interfaces = GRPC__INTERFACES__INIT;
  if (network_list_interfaces (&interfaces, &call->fault) < 0)
    return -1;
  return call_reply_and_clear (call, &interfaces.base);
}

int
service_add_arp_neighbors (struct call *call, const void *message)
{
  return network_add_neighbors (((const Grpc__AddARPNeighborsRequest *) message)->neighbors, &call->fault);
}

int
service_copy_file (struct call *call, const void *message)
{
  return copyfile_receive (message, &call->fault);
}
