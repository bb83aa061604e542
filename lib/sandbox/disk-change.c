/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk-change: the two operations on a sandbox's disks: what may be asked for, and of which sandbox. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/device.h"
#include "plan/pack.h"
#include "sandbox/block.h"
#include "sandbox/disk.h"
#include "sandbox/runtime.h"
#include "sandbox/vhost-disk.h"

/* What the hypervisor of this sandbox lacks, in its probe's words. */
static int
lacks (struct kata_operation *op, int capability, const char *id, const char *what, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  kata_capabilities caps;
  int r = kata_runtime__probe (&caps, op->sandbox->runtime, plan, err);
  if (r != 0)
    return r;
  bool has = (caps.have & (UINT64_C (1) << capability)) != 0;
  if (has && capability != KATA_CAP_BLOCK_HOTPLUG)
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, id, "disk \"%s\": hypervisor %s %s: %s", id, plan->hypervisor, what,
                          has ? "this sandbox was planned without ports for disks (disk_ports in its table)"
                              : caps.reason[capability]);
}

static int
check_new (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  const kata_sandbox_state *state = op->state;
  size_t n = 0;
  for (size_t i = 0; state->plan.vm.disks != NULL && state->plan.vm.disks[i] != NULL; i++)
    n++;
  for (size_t i = 0; state->changing != NULL && state->changing[i] != NULL; i++)
    n++;
  if (kata_sandbox_disk__find (state, disk->id) != NULL)
    return kata_error__set (err, KATA_E_EXISTS, disk->id, "sandbox \"%s\" has a disk \"%s\" already", op->sandbox->id,
                            disk->id);
  if (kata_sandbox_disk__half (state, disk->id) != NULL)
    return kata_error__set (
        err, KATA_E_BUSY, disk->id,
        "disk \"%s\": the guest of \"%s\" has not let go of an earlier one of this name; try again, "
        "or choose another",
        disk->id, op->sandbox->id);
  if (n >= KATA_DISKS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, disk->id, "disk \"%s\": sandbox \"%s\" has %u already", disk->id,
                            op->sandbox->id, KATA_DISKS_MAX);
  if ((state->plan.guest_features & KATA_GUEST_BLOCK) == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, disk->id, "disk \"%s\": the guest's kernel has no virtio-blk",
                            disk->id);
  return 0;
}

/* A VMM that opens a FIFO waits for its other end, with all its guest. */
static int
check_file (const kata_sandbox_state *state, const kata_vm_disk *disk, kata_error **err)
{
  struct stat st;
  if (stat (disk->path, &st) != 0)
    return kata_error__errno (err, errno == ENOENT || errno == ENOTDIR ? KATA_E_NOT_FOUND : KATA_E_IO, disk->path,
                              errno, "disk \"%s\": \"%s\"", disk->id, disk->path);
  if (!S_ISREG (st.st_mode) && !S_ISBLK (st.st_mode))
    return kata_error__set (err, KATA_E_INVALID, disk->path,
                            "disk \"%s\": \"%s\" is neither a regular file nor a block device", disk->id, disk->path);
  return kata_sandbox_block__alone (state, disk, err);
}

static int
no_port (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  return kata_error__set (
      err, KATA_E_LIMIT, disk->id,
      "disk \"%s\": all %u ports of the guest for %sdisks that come later are taken; remove one, or "
      "raise disk_ports in the hypervisor's table",
      disk->id, plan->vm.disk_ports / (plan->ports_by_mode ? 2 : 1),
      !plan->ports_by_mode ? ""
      : disk->readonly     ? "read-only "
                           : "writable ");
}

/* Its server may read and write all of the guest's memory, which has to be such from its start. */
static int
check_server (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err)
{
  const kata_vm_plan *vm = &op->state->plan.vm;
  int r = lacks (op, KATA_CAP_VHOST_USER, disk->id, "cannot connect a disk to a vhost-user server", err);
  if (r != 0)
    return r;
  if (vm->share_kind != KATA_SHARE_VIRTIOFS && vm->memory_shared == 0)
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, disk->id,
        "disk \"%s\": no other process can see the memory of the guest of \"%s\", which a vhost-user "
        "server has to; set enable_vhost_user_store in the hypervisor's table before the start",
        disk->id, op->sandbox->id);
  return kata_device__check_server (disk, op->deadline_us, err);
}

int
kata_sandbox_disk__plug (struct kata_operation *op, kata_vm_disk *disk, kata_error **err)
{
  if (op->state->plan.vm.disk_ports == 0)
    return lacks (op, KATA_CAP_BLOCK_HOTPLUG, disk->id, "cannot add a disk to a running guest", err);
  kata_sandbox_disk__mend (op);
  int r = check_new (op, disk, err);
  if (r == 0)
    r = disk->vhost_user != 0 ? check_server (op, disk, err) : check_file (op->state, disk, err);
  if (r != 0)
    return r;
  disk->port = kata_sandbox_disk__free_port (op->state, disk);
  if (disk->port == 0)
    return no_port (op, disk, err);
  return kata_sandbox_disk__add (op, disk, err);
}

static int
add (struct kata_operation *op, const kata_disk *wanted, kata_error **err)
{
  kata_vm_disk *disk = NULL;
  kata_disk real = *wanted;
  g_autofree char *socket = NULL;
  int r = kata_vhost_disk__resolve (&real, &socket, op->state->plan.vhost_store, err);
  if (r == 0)
    r = kata_plan__disk (&disk, op->state->arena, &real, err);
  if (r != 0)
    return r;
  if (op->state->state == KATA_STATE_RUNNING)
    return kata_sandbox_disk__plug (op, disk, err);
  r = lacks (op, KATA_CAP_BLOCK, disk->id, "cannot attach disks", err);
  if (r == 0 && disk->vhost_user != 0)
    r = lacks (op, KATA_CAP_VHOST_USER, disk->id, "cannot connect a disk to a vhost-user server", err);
  if (r == 0)
    r = check_new (op, disk, err);
  return r == 0 ? kata_sandbox_disk__plan (op, disk, err) : r;
}

/* One that ended too: its file systems are mounted until it is deleted. */
static int
check_unused (struct kata_operation *op, const char *id, kata_error **err)
{
  for (size_t i = 0; i < op->state->n_containers; i++)
    if (strcmp (op->state->containers[i].disk, id) == 0 ||
        (op->state->containers[i].blocks != NULL &&
         g_strv_contains ((const char *const *) op->state->containers[i].blocks, id)))
      return kata_error__set (err, KATA_E_BUSY, id, "disk \"%s\": container \"%s\" uses it; delete the container first",
                              id, op->state->containers[i].id);
  return 0;
}

static int
take_away (struct kata_operation *op, const char *id, kata_error **err)
{
  const kata_vm_disk *disk = kata_sandbox_disk__find (op->state, id);
  bool running = op->state->state == KATA_STATE_RUNNING;
  int r = check_unused (op, id, err);
  if (r != 0)
    return r;
  if (disk == NULL)
    disk = kata_sandbox_disk__half (op->state, id);
  if (disk == NULL)
    return kata_error__set (err, KATA_E_NOT_FOUND, id, "sandbox \"%s\" has no disk \"%s\"", op->sandbox->id, id);
  if (kata_plan__is_pack (disk) || (running && disk->port == 0))
    return kata_error__set (err, KATA_E_UNSUPPORTED, id,
                            "disk \"%s\": is in the machine from its start and stays until sandbox \"%s\" ends", id,
                            op->sandbox->id);
  return running ? kata_sandbox_disk__remove (op, disk, err) : kata_sandbox_disk__forget (op, disk, err);
}

static int
begin (struct kata_operation *op, kata_sandbox *sandbox, const char *what, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = what,
    .allowed = 1u << KATA_STATE_CREATED | 1u << KATA_STATE_RUNNING,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  return kata_operation__begin (op, sandbox, &options, err);
}

int
kata_sandbox__add_disk (kata_sandbox *sandbox, const kata_disk *disk, int64_t timeout_ms, kata_error **err)
{
  struct kata_operation op;
  int r = begin (&op, sandbox, "add a disk to", timeout_ms, err);
  if (r != 0)
    return r;
  r = add (&op, disk, err);
  kata_operation__end (&op);
  return r;
}

int
kata_sandbox__remove_disk (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err)
{
  struct kata_operation op;
  int r = begin (&op, sandbox, "remove a disk from", timeout_ms, err);
  if (r != 0)
    return r;
  r = take_away (&op, id, err);
  kata_operation__end (&op);
  return r;
}
