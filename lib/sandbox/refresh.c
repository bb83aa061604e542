/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* refresh: looks at the pod's network namespace again while the guest runs, and tells the guest what came. */
#include <string.h>

#include "base/fd.h"
#include "host/netns.h"
#include "sandbox/stage.h"

/* The one that the guest has a device for: same place in the namespace, same name. */
static const struct kata_net_interface *
known (const struct kata_net *net, const struct kata_net_interface *interface)
{
  const struct kata_net_interface *old = kata_net__find (net, interface->name);
  return old != NULL && old->index == interface->index ? old : NULL;
}

static int
cannot_add (struct kata_operation *op, const char *name, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  const kata_backend_entry *entry = NULL;
  kata_capabilities caps = { .size = sizeof caps };
  int r = kata_registry__find (&entry, op->sandbox->runtime->registry, plan->hypervisor, err);
  if (r == 0)
    r = kata_backend__probe (entry, &plan->vm, &caps, err);
  if (r != 0)
    return r;
  return kata_error__set (err, KATA_E_UNSUPPORTED, "network",
                          "network: interface \"%s\" came to \"%s\" after the start, and hypervisor %s cannot add a "
                          "network device to a running guest: %s; fill the namespace before the start",
                          name, plan->network.path, plan->hypervisor, caps.reason[KATA_CAP_NET_HOTPLUG]);
}

static int
refresh (struct kata_operation *op, kata_error **err)
{
  const struct kata_network_plan *plan = &op->state->plan.network;
  struct kata_net net = { 0 };
  kata_auto_fd int fd = -1;
  if (op->state->state == KATA_STATE_CREATED || plan->model == KATA_NETWORK_MODEL_NONE ||
      (plan->mode != KATA_NETWORK_NETNS && plan->mode != KATA_NETWORK_NEW))
    return 0;
  int r = kata_netns__open (&fd, plan->path, err);
  if (r == 0)
    r = kata_net__scan (&net, op->state->arena, fd, err);
  if (r != 0)
    return r;
  for (size_t i = 0; i < net.n_interfaces; i++) {
    const struct kata_net_interface *old = known (&op->state->network, &net.interfaces[i]);
    if (old == NULL)
      return cannot_add (op, net.interfaces[i].name, err);
    net.interfaces[i].mac = old->mac; /* the guest's, which need not be the interface's */
  }
  net.arena = NULL;
  op->state->network = net;
  if (net.n_interfaces != 0)
    r = kata_stage__tell_network (op, err);
  return r != 0 ? r : kata_operation__save (op, err);
}

int
kata_sandbox__refresh_network (kata_sandbox *sandbox, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = "refresh the network of",
    .allowed = 1u << KATA_STATE_CREATED | 1u << KATA_STATE_RUNNING,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  struct kata_operation op;
  int r = kata_operation__begin (&op, sandbox, &options, err);
  if (r != 0)
    return r;
  r = refresh (&op, err);
  kata_operation__end (&op);
  return r;
}
