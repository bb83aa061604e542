/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: two lists in the state, of the disks that are there and of those that are on their way; a disk moves between them, and each move is saved. */
#include "sandbox/disk.h"

#define UNDO_MS 30000
#define MEND_MS 5000 /* for the sake of another disk nobody waits longer for a guest that does not let go */

typedef const kata_vm_disk *const *disk_list;

static size_t
count (disk_list list)
{
  size_t n = 0;
  while (list != NULL && list[n] != NULL)
    n++;
  return n;
}

/* Lists are const to everybody else, so a new one takes the place of the old. */
static void
put (struct kata_operation *op, disk_list *list, const kata_vm_disk *disk)
{
  size_t n = count (*list);
  const kata_vm_disk **made = kata_arena__new0 (op->state->arena, const kata_vm_disk *, n + 2);
  for (size_t i = 0; i < n; i++)
    made[i] = (*list)[i];
  made[n] = disk;
  *list = made;
}

static void
take (struct kata_operation *op, disk_list *list, const kata_vm_disk *disk)
{
  size_t n = count (*list), kept = 0;
  const kata_vm_disk **made = kata_arena__new0 (op->state->arena, const kata_vm_disk *, n + 1);
  for (size_t i = 0; i < n; i++)
    if ((*list)[i] != disk)
      made[kept++] = (*list)[i];
  *list = made;
}

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
  put (op, &op->state->plan.vm.disks, disk);
  if (disk->vhost_user != 0)
    op->state->plan.vm.memory_shared = 1;
  return kata_operation__save (op, err);
}

int
kata_sandbox_disk__forget (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  take (op, &op->state->plan.vm.disks, disk);
  return kata_operation__save (op, err);
}

static int
change_machine (struct kata_operation *op, bool add, const kata_vm_disk *disk, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r == 0)
    r = kata_operation__fault (op, add ? "backend:add-disk" : "backend:remove-disk", err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_stage__env (op);
  env.deadline_us = deadline_us;
  return add ? kata_vm__add_disk (kata_machine__vm (machine), disk, &env, err)
             : kata_vm__remove_disk (kata_machine__vm (machine), disk, &env, err);
}

/* One that is on its way leaves the machine, if it is there, and the state. */
static int
release (struct kata_operation *op, const kata_vm_disk *disk, int64_t deadline_us, kata_error **err)
{
  int r = change_machine (op, false, disk, deadline_us, err);
  if (r != 0)
    return r;
  take (op, &op->state->changing, disk);
  return kata_operation__save (op, err);
}

/* As far as it can be: with a machine that does not let go, the state keeps what the next call has to finish. */
static void
take_back (struct kata_operation *op, const kata_vm_disk *disk)
{
  g_autoptr (kata_error) failure = NULL;
  if (kata_sandbox_disk__half (op->state, disk->id) == NULL) {
    take (op, &op->state->plan.vm.disks, disk);
    put (op, &op->state->changing, disk);
  }
  int r = kata_state__save (op->state, op->sandbox->dirfd, &failure);
  if (r == 0)
    r = release (op, disk, kata_deadline__within (INT64_MAX, UNDO_MS), &failure);
  if (r != 0)
    kata_log__write (&op->sandbox->runtime->log, KATA_LOG_ERROR,
                     "sandbox \"%s\": disk \"%s\" was not added and is not quite undone: %s", op->sandbox->id, disk->id,
                     kata_error_get_message (failure));
}

int
kata_sandbox_disk__add (struct kata_operation *op, kata_vm_disk *disk, kata_error **err)
{
  put (op, &op->state->changing, disk);
  int r = kata_operation__save (op, err);
  if (r == 0)
    r = change_machine (op, true, disk, op->deadline_us, err);
  if (r == 0) {
    take (op, &op->state->changing, disk);
    put (op, &op->state->plan.vm.disks, disk);
    r = kata_operation__save (op, err);
  }
  if (r != 0)
    take_back (op, disk);
  return r;
}

int
kata_sandbox_disk__remove (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  int r = 0;
  if (kata_sandbox_disk__half (op->state, disk->id) == NULL) {
    take (op, &op->state->plan.vm.disks, disk);
    put (op, &op->state->changing, disk);
    r = kata_operation__save (op, err);
  }
  if (r == 0)
    r = release (op, disk, op->deadline_us, err);
  if (r == KATA_E_UNSUPPORTED) { /* the machine never lets go of a disk, and has it as before */
    take (op, &op->state->changing, disk);
    put (op, &op->state->plan.vm.disks, disk);
    kata_operation__save (op, NULL);
  }
  return r;
}

void
kata_sandbox_disk__mend (struct kata_operation *op)
{
  disk_list half = op->state->changing; /* a removal makes a new list */
  for (size_t i = 0; half != NULL && half[i] != NULL; i++) {
    g_autoptr (kata_error) failure = NULL;
    if (release (op, half[i], kata_deadline__within (op->deadline_us, MEND_MS), &failure) != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                       "sandbox \"%s\": disk \"%s\" is still in the machine: %s", op->sandbox->id, half[i]->id,
                       kata_error_get_message (failure));
  }
}
