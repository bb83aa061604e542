/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network-message: a pod's network in the agent's words; pure. network.c sends them. */
#ifndef KATA_AGENT_NETWORK_MESSAGE_H
#define KATA_AGENT_NETWORK_MESSAGE_H

#include <kata/sys/backend.h>

#include "agent/agent.h"
#include "host/net.h"
#include "proto/features.h"

/* All live in @arena; texts are borrowed from @net. */
Types__Interface *kata_network_message__interface (kata_arena *arena, const struct kata_net_interface *interface);
/** An interface that has gone: without an address, and with a type that our agent takes for a request to bring it down. */
Types__Interface *kata_network_message__retired (kata_arena *arena, const kata_vm_nic *nic);
Grpc__Routes *kata_network_message__routes (kata_arena *arena, const struct kata_net *net);
Grpc__ARPNeighbors *kata_network_message__neighbors (kata_arena *arena, const struct kata_net *net);

#endif
