/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block: counts by what the containers in the state name; the disks themselves are disk.c's. */
#include "plan/block.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "host/block.h"
#include "sandbox/block.h"
#include "sandbox/disk.h"

#define COLLECT_MS 30000

static bool
is_used (const kata_sandbox_state *state, const char *disk, const struct kata_container_state *but)
{
  for (size_t i = 0; i < state->n_containers; i++)
    if (&state->containers[i] != but && state->containers[i].blocks != NULL &&
        g_strv_contains ((const char *const *) state->containers[i].blocks, disk))
      return true;
  return false;
}

static int
check_readonly (const struct kata_operation *op, const struct kata_block *block, const kata_vm_disk *disk,
                kata_error **err)
{
  if (block->readonly || !disk->readonly)
    return 0;
  return kata_error__set (
      err, KATA_E_BUSY, block->node,
      "block device \"%s\": sandbox \"%s\" has it as one that takes no writes, for another container; "
      "ask for it read-only, or delete that container first",
      block->node, op->sandbox->id);
}

static int
check_free (const char *node, kata_error **err)
{
  int r = kata_block__try (node);
  if (r == 0)
    return 0;
  if (r == -EBUSY)
    return kata_error__set (err, KATA_E_BUSY, node,
                            "block device \"%s\": the host uses it itself (mounted, swap, or below another device: "
                            "lsblk shows it), and two kernels that write to one file system destroy it; unmount it, or "
                            "name another",
                            node);
  bool denied = r == -EPERM || r == -EACCES;
  return kata_error__errno (err, denied ? KATA_E_PERMISSION : KATA_E_HOST, node, -r, "block device \"%s\": open", node);
}

/* Of the list the one that is this device of the host, unless both only read; NULL. */
static const kata_vm_disk *
other_way (const kata_vm_disk *const *list, const kata_vm_disk *disk, dev_t device)
{
  struct stat st;
  for (size_t i = 0; list != NULL && list[i] != NULL; i++)
    if (list[i] != disk && !(list[i]->readonly && disk->readonly) && stat (list[i]->path, &st) == 0 &&
        S_ISBLK (st.st_mode) && st.st_rdev == device)
      return list[i];
  return NULL;
}

/* Two ways to one device that is written to: each has its own idea of what is on it. One that is on its way out is in the machine still. */
int
kata_sandbox_block__alone (const kata_sandbox_state *state, const kata_vm_disk *disk, kata_error **err)
{
  struct stat st;
  if (stat (disk->path, &st) != 0 || !S_ISBLK (st.st_mode))
    return 0;
  const kata_vm_disk *there = other_way (state->plan.vm.disks, disk, st.st_rdev);
  if (there == NULL)
    there = other_way (state->changing, disk, st.st_rdev);
  if (there == NULL)
    return 0;
  return kata_error__set (err, KATA_E_BUSY, disk->path,
                          "block device \"%s\": the machine has it already as its disk \"%s\", and one of both is "
                          "written to; give it once only",
                          disk->path, there->id);
}

static int
check_device (const char *node, uint32_t major, uint32_t minor, kata_error **err)
{
  if (!kata_block__is (node, major, minor))
    return kata_error__set (err, KATA_E_HOST, node,
                            "block device \"%s\": is no longer the device %u:%u that it was a moment ago", node, major,
                            minor);
  return check_free (node, err);
}

int
kata_sandbox_block__check (const kata_sandbox_state *state, kata_error **err)
{
  const kata_vm_disk *const *disks = state->plan.vm.disks;
  int r = 0;
  for (size_t i = 0; r == 0 && disks != NULL && disks[i] != NULL; i++) {
    uint32_t major, minor;
    if (!kata_plan__block_number (disks[i], &major, &minor))
      continue;
    r = check_device (disks[i]->path, major, minor, err);
    if (r == 0)
      r = kata_sandbox_block__alone (state, disks[i], err);
  }
  return r;
}

static int
attach_one (struct kata_operation *op, const struct kata_block *block, kata_error **err)
{
  const kata_vm_disk *there = kata_sandbox_disk__find (op->state, block->id);
  kata_error *cause = NULL;
  if (there != NULL)
    return check_readonly (op, block, there, err);
  int r = check_device (block->node, block->major, block->minor, err);
  if (r != 0)
    return r;
  r = kata_sandbox_disk__plug (op, kata_plan__block_disk (op->state->arena, block), &cause);
  return r == 0 ? 0
                : kata_error__wrap (err, cause, block->node, "block device \"%s\" cannot be given to sandbox \"%s\"",
                                    block->node, op->sandbox->id);
}

int
kata_sandbox_block__attach (struct kata_operation *op, kata_container_plan *plan, kata_error **err)
{
  if (plan->n_blocks == 0)
    return 0;
  int r = kata_operation__fault (op, "container:attach", err);
  for (size_t i = 0; r == 0 && i < plan->n_blocks; i++)
    r = attach_one (op, &plan->blocks[i], err);
  return r == 0 ? kata_container_plan__locate (plan, &op->state->plan, err) : r;
}

/* One that has been there from the start stays. So does one that the machine never lets go of: the next who wants it has it. */
static int
take_out (struct kata_operation *op, const char *id, kata_error **err)
{
  const kata_vm_disk *disk = kata_sandbox_disk__find (op->state, id);
  kata_error *cause = NULL;
  if (disk == NULL)
    disk = kata_sandbox_disk__half (op->state, id);
  if (disk == NULL || disk->port == 0)
    return 0;
  int r = kata_sandbox_disk__remove (op, disk, &cause);
  if (r == 0 || r == KATA_E_UNSUPPORTED) {
    kata_error_unref (cause);
    return 0;
  }
  return kata_error__propagate (err, cause);
}

int
kata_sandbox_block__detach (struct kata_operation *op, const struct kata_container_state *container, bool force,
                            kata_error **err)
{
  if (op->state->state != KATA_STATE_RUNNING)
    return 0;
  for (char **id = container->blocks; id != NULL && *id != NULL; id++) {
    kata_error *error = NULL;
    int r = is_used (op->state, *id, container) ? 0 : take_out (op, *id, &error);
    if (r != 0 && !force)
      return kata_error__propagate (err, error);
    if (r != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING, "container \"%s\": a block device stays: %s",
                       container->id, kata_error_get_message (error));
    kata_error_unref (error);
  }
  return 0;
}

void
kata_sandbox_block__collect (struct kata_operation *op)
{
  const kata_vm_disk *const *disks = op->state->plan.vm.disks; /* a removal makes a new list */
  int64_t deadline_us = op->deadline_us;
  op->deadline_us = kata_deadline__within (INT64_MAX, COLLECT_MS);
  for (size_t i = 0; disks != NULL && disks[i] != NULL; i++) {
    g_autoptr (kata_error) error = NULL;
    if (!kata_plan__is_block (disks[i]) || is_used (op->state, disks[i]->id, NULL))
      continue;
    if (take_out (op, disks[i]->id, &error) != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                       "sandbox \"%s\": a block device that nobody uses stays: %s", op->sandbox->id,
                       kata_error_get_message (error));
  }
  op->deadline_us = deadline_us;
}
