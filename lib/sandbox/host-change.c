/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-change: the two operations on the devices of the host in a running sandbox: what may be asked for, and of which sandbox. */
#include <string.h>

#include "sandbox/host-device.h"
#include "sandbox/host-late.h"
#include "sandbox/runtime.h"

/* What came of a group that did not come as a whole. */
static void
take_back (struct kata_operation *op, char **ids)
{
  for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
    g_autoptr (kata_error) failure = NULL;
    const kata_vm_host_device *device = kata_sandbox_host__find (op->state, false, ids[i]);
    if (device != NULL && kata_sandbox_host__unplug (op, device, &failure) != 0)
      kata_log__write (&op->sandbox->runtime->log, KATA_LOG_WARNING,
                       "sandbox \"%s\": host device \"%s\" stays, though others of its group did not come: %s",
                       op->sandbox->id, ids[i], kata_error_get_message (failure));
  }
}

/* @made: gets the id of what was plugged in; @ids: of what is there now. */
static int
give_one (struct kata_operation *op, const kata_host_device *device, int64_t group, bool container, char ***made,
          char ***ids, kata_error **err)
{
  kata_arena *arena = op->state->arena;
  kata_vm_host_device *new = NULL;
  int r = kata_plan__late_host_device (&new, arena, device, group, container, err);
  if (r != 0)
    return r;
  const kata_vm_host_device *there = container ? kata_sandbox_host__find (op->state, false, new->address) : NULL;
  if (there == NULL) {
    r = kata_sandbox_host__plug (op, new, err);
    if (r != 0)
      return r;
    *made = kata_arena__strv_add (arena, *made, new->id);
  }
  if (ids != NULL)
    *ids = kata_arena__strv_add (arena, *ids, there != NULL ? there->id : new->id);
  return 0;
}

int
kata_sandbox_host__give (struct kata_operation *op, const kata_host_device *device, bool container, char ***ids,
                         kata_error **err)
{
  const kata_host_device *const wanted[] = { device, NULL };
  const kata_host_device *const *list = NULL;
  const int64_t *groups = NULL;
  char **made = NULL;
  int r = kata_sandbox__host_devices (&list, &groups, op->state->arena, op->sandbox->runtime->host_root, wanted, err);
  for (size_t i = 0; r == 0 && list[i] != NULL; i++)
    r = give_one (op, list[i], groups[i], container, &made, ids, err);
  if (r != 0)
    take_back (op, made);
  return r;
}

/* One that ended too: it is taken out when that is deleted. */
static int
check_unused (struct kata_operation *op, const kata_vm_host_device *device, kata_error **err)
{
  for (size_t i = 0; i < op->state->n_containers; i++)
    if (op->state->containers[i].host_devices != NULL &&
        g_strv_contains ((const char *const *) op->state->containers[i].host_devices, device->id))
      return kata_error__set (err, KATA_E_BUSY, device->id,
                              "host device \"%s\": container \"%s\" uses it; delete the container first", device->id,
                              op->state->containers[i].id);
  return 0;
}

static int
refuse (struct kata_operation *op, const char *name, kata_error **err)
{
  const kata_vm_host_device *const *all = op->state->plan.vm.host_devices;
  for (size_t i = 0; all != NULL && all[i] != NULL; i++)
    if (strcmp (all[i]->id, name) == 0 || strcmp (all[i]->address, name) == 0)
      return kata_error__set (
          err, KATA_E_UNSUPPORTED, name,
          "host device \"%s\": is in the machine from its start and stays until sandbox \"%s\" ends", name,
          op->sandbox->id);
  return kata_error__set (err, KATA_E_NOT_FOUND, name, "sandbox \"%s\" has no device \"%s\" of the host",
                          op->sandbox->id, name);
}

/* A group's file names all of it. */
static int
take_away (struct kata_operation *op, const char *name, kata_error **err)
{
  const kata_vm_host_device *device = NULL;
  size_t n = 0;
  for (int half = 0; half < 2; half++)
    while ((device = kata_sandbox_host__find (op->state, half != 0, name)) != NULL) {
      int r = check_unused (op, device, err);
      if (r == 0)
        r = kata_sandbox_host__unplug (op, device, err);
      if (r != 0)
        return r;
      n++;
    }
  return n > 0 ? 0 : refuse (op, name, err);
}

static int
begin (struct kata_operation *op, kata_sandbox *sandbox, const char *what, int64_t timeout_ms, kata_error **err)
{
  const struct kata_operation_options options = {
    .what = what,
    .allowed = 1u << KATA_STATE_RUNNING,
    .timeout_ms = timeout_ms,
    .default_offset = offsetof (kata_plan, request_timeout_ms),
  };
  return kata_operation__begin (op, sandbox, &options, err);
}

int
kata_sandbox__add_host_device (kata_sandbox *sandbox, const kata_host_device *device, int64_t timeout_ms,
                               kata_error **err)
{
  struct kata_operation op;
  int r = begin (&op, sandbox, "add a device of the host to", timeout_ms, err);
  if (r != 0)
    return r;
  r = kata_sandbox_host__give (&op, device, false, NULL, err);
  kata_operation__end (&op);
  return r;
}

int
kata_sandbox__remove_host_device (kata_sandbox *sandbox, const char *id, int64_t timeout_ms, kata_error **err)
{
  struct kata_operation op;
  int r = begin (&op, sandbox, "remove a device of the host from", timeout_ms, err);
  if (r != 0)
    return r;
  r = take_away (&op, id, err);
  kata_operation__end (&op);
  return r;
}
