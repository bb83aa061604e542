/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* refresh: looks at the pod's network namespace again while the guest runs: what came and went comes to the guest and goes from it. */
#include <string.h>

#include "base/fd.h"
#include "host/netns.h"
#include "sandbox/network.h"
#include "sandbox/record.h"
#include "sandbox/state-table.h"

/* The one that the guest has a device for: same place in the namespace, same name. */
static const struct kata_net_interface *
known (const struct kata_net *net, const struct kata_net_interface *interface)
{
  const struct kata_net_interface *old = kata_net__find (net, interface->name);
  return old != NULL && old->index == interface->index ? old : NULL;
}

static int
check_ports (struct kata_operation *op, const char *name, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  kata_capabilities caps;
  if (plan->vm.nic_ports != 0)
    return 0;
  int r = kata_runtime__probe (&caps, op->sandbox->runtime, plan, err);
  if (r != 0)
    return r;
  return kata_error__set (err, KATA_E_UNSUPPORTED, "network",
                          "network: interface \"%s\" came to \"%s\" after the start, and hypervisor %s cannot add a "
                          "network device to a running guest: %s; fill the namespace before the start",
                          name, plan->network.path, plan->hypervisor, caps.reason[KATA_CAP_NET_HOTPLUG]);
}

/* Of an interface that is still there, and that was added to its end. Those without a name were retired before. */
static bool
in_use (const struct kata_operation *op, const struct kata_net *net, const kata_vm_nic *nic)
{
  const struct kata_net_interface *now = kata_net__find (net, nic->name);
  return nic->name[0] == '\0' || (now != NULL && known (&op->state->network, now) != NULL);
}

/* Devices whose interface is gone, and those that a refresh began to add when it was ended. */
static int
remove_gone (struct kata_operation *op, const struct kata_net *net, kata_error **err)
{
  int r = 0;
  for (size_t i = 0; r == 0 && op->state->plan.vm.nics != NULL && op->state->plan.vm.nics[i] != NULL;) {
    const kata_vm_nic *nic = op->state->plan.vm.nics[i];
    if (in_use (op, net, nic)) {
      i++;
      continue;
    }
    r = kata_sandbox_network__remove (op, nic, err);
  }
  return r;
}

/* Adds the devices that lack. One that fails is left out of @net, with its routes, and those after it; the guest shall have the rest. */
static int
add_new (struct kata_operation *op, int netns_fd, struct kata_net *net, kata_error **err)
{
  size_t n = 0;
  int r = 0;
  for (size_t i = 0; i < net->n_interfaces; i++) {
    struct kata_net_interface *interface = &net->interfaces[i];
    const struct kata_net_interface *old = known (&op->state->network, interface);
    if (old != NULL)
      interface->mac = old->mac; /* the guest's, which need not be the interface's */
    else if (r == 0)
      r = check_ports (op, interface->name, err);
    if (old == NULL && r == 0)
      r = kata_sandbox_network__add (op, netns_fd, interface, err);
    if (old != NULL || r == 0)
      net->interfaces[n++] = *interface;
  }
  net->n_interfaces = n;
  kata_net__prune (net);
  return r;
}

static char *
as_text (const struct kata_net *net)
{
  struct kata_json_writer writer;
  kata_json_write__init (&writer, false);
  kata_record__write (&writer, NULL, &kata_state__network_record, net);
  return kata_json_write__finish (&writer);
}

/* Until the guest was told of them: a refresh after one that failed here finds a difference and tells it. */
static struct kata_net
untold (struct kata_operation *op, const struct kata_net *net)
{
  struct kata_net out = { .n_interfaces = net->n_interfaces };
  out.interfaces = kata_arena__new0 (op->state->arena, struct kata_net_interface, net->n_interfaces + 1);
  for (size_t i = 0; i < net->n_interfaces; i++) {
    out.interfaces[i] = net->interfaces[i];
    out.interfaces[i].addresses = NULL;
    out.interfaces[i].n_addresses = 0;
  }
  return out;
}

/* The state says first which interfaces have devices, then what the guest knows of them. */
static int
tell (struct kata_operation *op, const struct kata_net *net, kata_error **err)
{
  g_autofree char *before = as_text (&op->state->network), *now = as_text (net);
  if (strcmp (before, now) == 0)
    return 0;
  op->state->network = untold (op, net);
  int r = kata_operation__save (op, err);
  op->state->network = *net;
  if (r == 0)
    r = kata_stage__tell_network (op, err);
  return r == 0 ? kata_operation__save (op, err) : r;
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
  if (r == 0)
    r = remove_gone (op, &net, err);
  if (r != 0)
    return r;
  kata_stage__warn_of_routes (op, &net);
  g_autoptr (kata_error) failure = NULL;
  int added = add_new (op, fd, &net, &failure);
  net.arena = NULL;
  r = tell (op, &net, err);
  return r != 0 || added == 0 ? r : kata_error__propagate (err, g_steal_pointer (&failure));
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
