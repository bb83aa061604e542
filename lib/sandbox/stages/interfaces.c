/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interfaces: gives the guest's interfaces the names, addresses, routes and neighbours of the pod's, through the agent. */
#include "agent/network-message.h"
#include "sandbox/stage.h"

static int
tell (struct kata_operation *op, kata_agent *agent, kata_error **err)
{
  const struct kata_net *net = &op->state->network;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  int r = 0;
  for (size_t i = 0; r == 0 && i < net->n_interfaces; i++) {
    r = kata_operation__fault (op, "agent:update-interface", err);
    if (r == 0)
      r = kata_agent__update_interface (agent, kata_network_message__interface (arena, &net->interfaces[i]),
                                        kata_runtime__left_ms (op->deadline_us), err);
  }
  /* After the start also when there is none: those that went are taken from the guest. */
  if (r == 0 && (net->n_routes != 0 || op->state->state == KATA_STATE_RUNNING))
    r = kata_agent__update_routes (agent, kata_network_message__routes (arena, net),
                                   kata_runtime__left_ms (op->deadline_us), err);
  if (r == 0 && net->n_neighbors != 0)
    r = kata_agent__add_arp_neighbors (agent, kata_network_message__neighbors (arena, net),
                                       kata_runtime__left_ms (op->deadline_us), err);
  return r;
}

int
kata_stage__tell_network (struct kata_operation *op, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  int r = kata_sandbox__link (&link, op->sandbox, op->deadline_us, err);
  return r != 0 ? r : tell (op, kata_link__agent (link), err);
}

int
kata_stage__retire_interface (struct kata_operation *op, const kata_vm_nic *nic, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (kata_link) link = NULL;
  int r = kata_sandbox__link (&link, op->sandbox, op->deadline_us, err);
  if (r == 0)
    r = kata_operation__fault (op, "agent:retire-interface", err);
  return r != 0 ? r
                : kata_agent__update_interface (kata_link__agent (link), kata_network_message__retired (arena, nic),
                                                kata_runtime__left_ms (op->deadline_us), err);
}

static int
enter (struct kata_operation *op, kata_error **err)
{
  return op->state->network.n_interfaces == 0 ? 0 : kata_stage__tell_network (op, err);
}

const struct kata_stage kata_stage__interfaces = { "interfaces", enter, NULL };
