/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: interfaces, routes and neighbours as the protocol speaks of them. */
#ifndef AGENT_NETWORK_H
#define AGENT_NETWORK_H

#include "proto/agent.pb-c.h"

#include "fault.h"
#include "log.h"

/**
 * Waits for the interface with that hardware address, gives it its name, MTU and addresses, takes others from it and brings it up; one of type
 * KATA_INTERFACE_RETIRED is brought down instead. 0 or -1.
 */
int network_update_interface (const struct log *log, const Types__Interface *wanted, unsigned timeout_s,
                              struct fault *fault);
/** Adds or replaces, and takes away what an earlier call added and this one does not name. 0 or -1 with @fault set. */
int network_update_routes (const Grpc__Routes *routes, struct fault *fault);
int network_add_neighbors (const Grpc__ARPNeighbors *neighbors, struct fault *fault);
/** Fills in a message whose parts are malloc'ed: free with protobuf_c_message_free_unpacked(). 0 or -1 with @fault set. */
int network_list_interfaces (Grpc__Interfaces *out, struct fault *fault);
int network_list_routes (Grpc__Routes *out, struct fault *fault);

#endif
