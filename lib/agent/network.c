/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: the guest's interfaces, routes and neighbours; what comes back is checked before anybody sees it. */
#include "agent/call.h"

#include "proto/types.pb-c.h"

#define LIST_MAX      4096u
#define ADDRESSES_MAX 256u

static bool
interface_ok (const Types__Interface *interface)
{
  if (!kata_agent__text_ok (interface->device) || !kata_agent__text_ok (interface->name) ||
      !kata_agent__text_ok (interface->hwaddr) || !kata_agent__text_ok (interface->devicepath) ||
      !kata_agent__text_ok (interface->type) || interface->n_ipaddresses > ADDRESSES_MAX)
    return false;
  for (size_t i = 0; i < interface->n_ipaddresses; i++)
    if (!kata_agent__text_ok (interface->ipaddresses[i]->address) ||
        !kata_agent__text_ok (interface->ipaddresses[i]->mask))
      return false;
  return true;
}

static bool
route_ok (const Types__Route *route)
{
  return kata_agent__text_ok (route->dest) && kata_agent__text_ok (route->gateway) &&
         kata_agent__text_ok (route->device) && kata_agent__text_ok (route->source);
}

int
kata_agent__update_interface (kata_agent *agent, const Types__Interface *interface, int64_t timeout_ms,
                              kata_error **err)
{
  Grpc__UpdateInterfaceRequest request = GRPC__UPDATE_INTERFACE_REQUEST__INIT;
  const struct kata_agent_call call = {
    .method = "UpdateInterface", .about = interface->name, .request = &request.base, .timeout_ms = timeout_ms
  };
  request.interface = (Types__Interface *) interface;
  /* The reply is an echo of the request: of no use. */
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__update_routes (kata_agent *agent, const Grpc__Routes *routes, int64_t timeout_ms, kata_error **err)
{
  Grpc__UpdateRoutesRequest request = GRPC__UPDATE_ROUTES_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "UpdateRoutes", .request = &request.base, .timeout_ms = timeout_ms };
  request.routes = (Grpc__Routes *) routes;
  return kata_agent__call (agent, &call, err);
}

int
kata_agent__list_interfaces (kata_agent *agent, Grpc__Interfaces **out, int64_t timeout_ms, kata_error **err)
{
  Grpc__ListInterfacesRequest request = GRPC__LIST_INTERFACES_REQUEST__INIT;
  Grpc__Interfaces *reply;
  const struct kata_agent_call call = { .method = "ListInterfaces",
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms };
  int r = kata_agent__call_reply (agent, &call, &grpc__interfaces__descriptor, &reply, err);
  if (r < 0)
    return r;
  bool ok = reply->n_interfaces <= LIST_MAX;
  for (size_t i = 0; ok && i < reply->n_interfaces; i++)
    ok = interface_ok (reply->interfaces[i]);
  if (ok) {
    *out = reply;
    return 0;
  }
  kata_agent__message_free (reply);
  return kata_agent__nonsense (err, "ListInterfaces", NULL, "too many interfaces, or texts that are no names");
}

int
kata_agent__list_routes (kata_agent *agent, Grpc__Routes **out, int64_t timeout_ms, kata_error **err)
{
  Grpc__ListRoutesRequest request = GRPC__LIST_ROUTES_REQUEST__INIT;
  Grpc__Routes *reply;
  const struct kata_agent_call call = { .method = "ListRoutes", .request = &request.base, .timeout_ms = timeout_ms };
  int r = kata_agent__call_reply (agent, &call, &grpc__routes__descriptor, &reply, err);
  if (r < 0)
    return r;
  bool ok = reply->n_routes <= LIST_MAX;
  for (size_t i = 0; ok && i < reply->n_routes; i++)
    ok = route_ok (reply->routes[i]);
  if (ok) {
    *out = reply;
    return 0;
  }
  kata_agent__message_free (reply);
  return kata_agent__nonsense (err, "ListRoutes", NULL, "too many routes, or texts that are no addresses");
}

int
kata_agent__add_arp_neighbors (kata_agent *agent, const Grpc__ARPNeighbors *neighbors, int64_t timeout_ms,
                               kata_error **err)
{
  Grpc__AddARPNeighborsRequest request = GRPC__ADD_ARPNEIGHBORS_REQUEST__INIT;
  const struct kata_agent_call call = { .method = "AddARPNeighbors",
                                        .request = &request.base,
                                        .timeout_ms = timeout_ms };
  request.neighbors = (Grpc__ARPNeighbors *) neighbors;
  return kata_agent__call (agent, &call, err);
}
