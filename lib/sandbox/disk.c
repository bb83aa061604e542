/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: the disks of a sandbox as late.c moves them, and the ports that they are in. */
#include "sandbox/disk.h"

#include "sandbox/late.h"

typedef const kata_vm_disk *const *disk_list;

static const char *
id_of (const void *disk)
{
  return ((const kata_vm_disk *) disk)->id;
}

static int
change_machine (struct kata_operation *op, bool add, const void *disk, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_stage__env (op);
  env.deadline_us = deadline_us;
  return add ? kata_vm__add_disk (kata_machine__vm (machine), disk, &env, err)
             : kata_vm__remove_disk (kata_machine__vm (machine), disk, &env, err);
}

#define THERE offsetof (struct kata_sandbox_state, plan.vm.disks)
static const struct kata_late_kind disks = { .noun = "disk",
                                             .adds = "backend:add-disk",
                                             .takes = "backend:remove-disk",
                                             .there = THERE,
                                             .half = offsetof (struct kata_sandbox_state, changing),
                                             .id = id_of,
                                             .change = change_machine };

static bool
in_port (disk_list list, uint32_t port)
{
  for (size_t i = 0; list != NULL && list[i] != NULL; i++)
    if (list[i]->port == port)
      return true;
  return false;
}

uint32_t
kata_sandbox_disk__free_port (const kata_sandbox_state *state, const kata_vm_disk *disk)
{
  uint32_t step = state->plan.ports_by_mode ? 2 : 1;
  for (uint32_t port = step == 2 && disk->readonly ? 2 : 1; port <= state->plan.vm.disk_ports; port += step)
    if (!in_port (state->plan.vm.disks, port) && !in_port (state->changing, port))
      return port;
  return 0;
}

const kata_vm_disk *
kata_sandbox_disk__find (const kata_sandbox_state *state, const char *id)
{
  return kata_plan__disk_named (state->plan.vm.disks, id);
}

const kata_vm_disk *
kata_sandbox_disk__half (const kata_sandbox_state *state, const char *id)
{
  return kata_plan__disk_named (state->changing, id);
}

int
kata_sandbox_disk__plan (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  kata_late__put (op, THERE, disk);
  if (disk->vhost_user != 0)
    op->state->plan.vm.memory_shared = 1;
  return kata_operation__save (op, err);
}

int
kata_sandbox_disk__forget (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  kata_late__take (op, THERE, disk);
  return kata_operation__save (op, err);
}

int
kata_sandbox_disk__add (struct kata_operation *op, kata_vm_disk *disk, kata_error **err)
{
  return kata_late__add (op, &disks, disk, err);
}

int
kata_sandbox_disk__remove (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  return kata_late__remove (op, &disks, disk, err);
}

void
kata_sandbox_disk__mend (struct kata_operation *op)
{
  kata_late__mend (op, &disks);
}
