/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: the steps of adding and removing a device, and their order, which a crash at any point leaves repairable. */
#include "sandbox/network.h"

#include <string.h>

#include "sandbox/undo.h"

#define UNDO_MS 30000

uint32_t
kata_sandbox_network__free_port (const kata_vm_plan *plan)
{
  for (uint32_t port = 1; port <= plan->nic_ports; port++) {
    bool taken = false;
    for (size_t i = 0; plan->nics != NULL && plan->nics[i] != NULL; i++)
      taken = taken || plan->nics[i]->port == port;
    if (!taken)
      return port;
  }
  return 0;
}

/* One of the start keeps its place in the machine, without a name; the state's records are const to others. */
static void
forget (struct kata_operation *op, const kata_vm_nic *nic)
{
  kata_vm_plan *vm = &op->state->plan.vm;
  size_t n = 0;
  while (vm->nics[n] != NULL)
    n++;
  const kata_vm_nic **nics = kata_arena__new0 (op->state->arena, const kata_vm_nic *, n + 1);
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (vm->nics[i] != nic) {
      nics[kept++] = vm->nics[i];
      continue;
    }
    if (nic->port != 0)
      continue;
    kata_vm_nic *unused = kata_arena__new0 (op->state->arena, kata_vm_nic, 1);
    *unused = *nic;
    unused->name = "";
    nics[kept++] = unused;
  }
  vm->nics = nics;
}

static int
change_machine (struct kata_operation *op, bool add, const kata_vm_nic *nic, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r == 0)
    r = kata_operation__fault (op, add ? "backend:add-nic" : "backend:remove-nic", err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_stage__env (op);
  env.deadline_us = deadline_us;
  env.nic_fds = op->nic_fds;
  env.n_nic_fds = op->n_nic_fds;
  env.vhost_fds = op->vhost_fds;
  env.n_vhost_fds = op->n_vhost_fds;
  return add ? kata_vm__add_nic (kata_machine__vm (machine), nic, &env, err)
             : kata_vm__remove_nic (kata_machine__vm (machine), nic, &env, err);
}

static int
undo (struct kata_operation *op, const kata_vm_nic *nic, uint32_t index, kata_error **err)
{
  return kata_undo__network (op->sandbox->dirfd, nic->name, nic->device, index,
                             kata_deadline__within (op->deadline_us, UNDO_MS), &op->sandbox->runtime->fault, err);
}

int
kata_sandbox_network__remove (struct kata_operation *op, const kata_vm_nic *nic, kata_error **err)
{
  g_autoptr (kata_error) failure = NULL;
  /* What the agent cannot do any more, the end of the device does. */
  if (kata_stage__retire_interface (op, nic, &failure) != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "sandbox \"%s\": interface \"%s\": %s",
                     op->sandbox->id, nic->name, kata_error_get_message (failure));
  int r = nic->port != 0 ? change_machine (op, false, nic, op->deadline_us, err) : 0;
  if (r == 0)
    r = undo (op, nic, 0, err);
  if (r != 0)
    return r;
  forget (op, nic);
  return kata_operation__save (op, err);
}

/* The device that kata_stage__join() put into the plan, if it came so far. */
static const kata_vm_nic *
in_port (const kata_vm_plan *plan, uint32_t port)
{
  for (size_t i = 0; plan->nics != NULL && plan->nics[i] != NULL; i++)
    if (plan->nics[i]->port == port)
      return plan->nics[i];
  return NULL;
}

/* As far as it can be: a machine that does not let go keeps its port, and the state and the journal say so. */
static void
take_back (struct kata_operation *op, const struct kata_net_interface *interface, uint32_t port, bool in_machine)
{
  g_autoptr (kata_error) failure = NULL;
  const kata_vm_nic half = { .name = interface->name, .device = "", .port = port };
  const kata_vm_nic *nic = in_port (&op->state->plan.vm, port);
  kata_operation__drop_nic_fds (op);
  int r = 0;
  if (in_machine)
    r = change_machine (op, false, nic, kata_deadline__within (INT64_MAX, UNDO_MS), &failure);
  if (r == 0)
    r = undo (op, nic != NULL ? nic : &half, interface->index, &failure);
  if (r == 0 && nic != NULL) {
    forget (op, nic);
    r = kata_state__save (op->state, op->sandbox->dirfd, &failure);
  }
  if (r != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_ERROR,
                     "sandbox \"%s\": interface \"%s\" was not added and is not quite undone: %s", op->sandbox->id,
                     interface->name, kata_error_get_message (failure));
}

int
kata_sandbox_network__add (struct kata_operation *op, int netns_fd, struct kata_net_interface *interface,
                           kata_error **err)
{
  uint32_t port = kata_sandbox_network__free_port (&op->state->plan.vm);
  bool in_machine = false;
  if (port == 0)
    return kata_error__set (
        err, KATA_E_LIMIT, interface->name,
        "network: interface \"%s\" came to \"%s\" after the start, and all %u ports of the guest for "
        "such are taken",
        interface->name, op->state->plan.network.path, op->state->plan.vm.nic_ports);
  int r = kata_stage__join (op, netns_fd, interface, port, err);
  if (r == 0)
    r = kata_operation__save (op, err);
  if (r == 0) {
    in_machine = true;
    r = change_machine (op, true, in_port (&op->state->plan.vm, port), op->deadline_us, err);
  }
  if (r != 0) {
    take_back (op, interface, port, in_machine);
    return r;
  }
  /* The machine has its own of them: a tap shall end with it, not with us. */
  kata_operation__drop_nic_fds (op);
  return kata_operation__fault (op, "network:added", err);
}
