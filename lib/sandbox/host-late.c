/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-late: ports, what is looked at before a device comes, and the wait for the VMM to close what has gone. */
#include "sandbox/host-late.h"

#include <string.h>

#include "host/pci.h"
#include "host/vfio.h"
#include "sandbox/late.h"

#define CLOSE_MS 10000 /* the VMM takes the memory of a device out of its own when nobody reads the map any more */
#define STEP_US  10000

static const char *
id_of (const void *device)
{
  return ((const kata_vm_host_device *) device)->id;
}

static int64_t
pid_of (kata_machine *machine)
{
  int64_t pids[2] = { 0 };
  return kata_vm__pids (kata_machine__vm (machine), pids, 1) > 0 ? pids[0] : 0;
}

static bool
in_list (kata_host_list list, const kata_vm_host_device *device)
{
  for (size_t i = 0; list != NULL && list[i] != NULL; i++)
    if (list[i]->group == device->group && strcmp (list[i]->address, device->address) != 0)
      return true;
  return false;
}

/* Another function of its group is in the machine. */
static bool
has_group (const kata_sandbox_state *state, const kata_vm_host_device *device)
{
  return in_list (state->plan.vm.host_devices, device) || in_list (state->host_changing, device);
}

/* Who takes it next finds its group closed: the VMM says that the device is gone a little before. */
static int
await_closed (struct kata_operation *op, int64_t pid, const kata_vm_host_device *device, int64_t deadline_us,
              kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, CLOSE_MS);
  if (pid == 0 || has_group (op->state, device))
    return 0;
  while (kata_vfio__holds (op->sandbox->runtime->host_root, pid, device->group)) {
    if (kata_deadline__now () >= until)
      return kata_error__set (err, KATA_E_TIMEOUT, device->id,
                              "host device \"%s\": the guest has let go of %s, and its virtual machine's process does "
                              "not close IOMMU group %" G_GINT64_FORMAT,
                              device->id, device->address, device->group);
    g_usleep (STEP_US);
  }
  return 0;
}

static int
change (struct kata_operation *op, bool add, const void *thing, int64_t deadline_us, kata_error **err)
{
  const kata_vm_host_device *device = thing;
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r != 0)
    return r;
  kata_backend_env env = kata_stage__env (op);
  env.deadline_us = deadline_us;
  if (add)
    return kata_vm__add_host_device (kata_machine__vm (machine), device, &env, err);
  r = kata_vm__remove_host_device (kata_machine__vm (machine), device, &env, err);
  return r == 0 ? await_closed (op, pid_of (machine), device, deadline_us, err) : r;
}

static const struct kata_late_kind devices = { .noun = "host device",
                                               .adds = "backend:add-host-device",
                                               .takes = "backend:remove-host-device",
                                               .there = offsetof (struct kata_sandbox_state, plan.vm.host_devices),
                                               .half = offsetof (struct kata_sandbox_state, host_changing),
                                               .id = id_of,
                                               .change = change };

static bool
is_named (const kata_vm_host_device *device, const char *name)
{
  char address[KATA_PCI_ADDRESS_MAX + 1];
  int64_t group = kata_pci__group_of_file (name);
  return device->port != 0 && (strcmp (device->id, name) == 0 || (group >= 0 && device->group == group) ||
                               (kata_pci__parse (address, name) && strcmp (address, device->address) == 0));
}

const kata_vm_host_device *
kata_sandbox_host__find (const kata_sandbox_state *state, bool half, const char *name)
{
  kata_host_list list = half ? state->host_changing : state->plan.vm.host_devices;
  for (size_t i = 0; list != NULL && list[i] != NULL; i++)
    if (is_named (list[i], name))
      return list[i];
  return NULL;
}

static bool
in_port (kata_host_list list, uint64_t port)
{
  for (size_t i = 0; list != NULL && list[i] != NULL; i++)
    if (list[i]->port == port)
      return true;
  return false;
}

static int
find_port (struct kata_operation *op, kata_vm_host_device *device, kata_error **err)
{
  const kata_vm_plan *vm = &op->state->plan.vm;
  for (uint64_t port = 1; port <= vm->host_ports && device->port == 0; port++)
    if (!in_port (vm->host_devices, port) && !in_port (op->state->host_changing, port))
      device->port = port;
  if (device->port != 0)
    return 0;
  return kata_error__set (err, KATA_E_LIMIT, device->id,
                          "host device %s: all %" G_GUINT64_FORMAT " places of the guest for devices that come later "
                          "are taken; remove one, or raise %s in the hypervisor's table",
                          device->address, vm->host_ports,
                          vm->host_late_bus == KATA_DEVICE_BUS_SWITCH ? "pcie_switch_port" : "pcie_root_port");
}

/* Why no device can come at all. */
static int
check_able (struct kata_operation *op, const kata_vm_host_device *device, kata_error **err)
{
  const kata_plan *plan = &op->state->plan;
  kata_capabilities caps;
  if (plan->vm.host_ports != 0)
    return 0;
  int r = kata_runtime__probe (&caps, op->sandbox->runtime, plan, err);
  if (r != 0)
    return r;
  bool has = (caps.have & (UINT64_C (1) << KATA_CAP_VFIO_HOTPLUG)) != 0;
  return kata_error__set (
      err, KATA_E_UNSUPPORTED, device->id, "host device %s: hypervisor %s cannot give it to a running guest: %s",
      device->address, plan->hypervisor,
      has ? "this sandbox was planned without places for devices that come later; set hot_plug_vfio "
            "(\"root-port\") in the hypervisor's table, and pcie_root_port for more than one"
          : caps.reason[KATA_CAP_VFIO_HOTPLUG]);
}

static int
check_new (struct kata_operation *op, const kata_vm_host_device *device, kata_error **err)
{
  kata_host_list lists[] = { op->state->plan.vm.host_devices, op->state->host_changing };
  for (size_t l = 0; l < G_N_ELEMENTS (lists); l++)
    for (size_t i = 0; lists[l] != NULL && lists[l][i] != NULL; i++) {
      const kata_vm_host_device *other = lists[l][i];
      if (strcmp (other->id, device->id) != 0 && strcmp (other->address, device->address) != 0)
        continue;
      return kata_error__set (err, l == 0 ? KATA_E_EXISTS : KATA_E_BUSY, device->id,
                              l == 0 ? "host device %s: sandbox \"%s\" has \"%s\" (%s) already"
                                     : "host device %s: the guest of \"%s\" has not let go of \"%s\" (%s); try again",
                              device->address, op->sandbox->id, other->id, other->address);
    }
  return 0;
}

static int
check_host (struct kata_operation *op, const kata_vm_host_device *device, kata_error **err)
{
  const kata_vm_plan *vm = &op->state->plan.vm;
  g_autoptr (kata_machine) machine = NULL;
  int r = kata_sandbox__machine (&machine, op->sandbox, op->state, err);
  if (r != 0)
    return r;
  const struct kata_vfio_machine there = { .pid = pid_of (machine),
                                           .memory_mib = MAX (vm->memory_mib, vm->max_memory_mib),
                                           .has_group = has_group (op->state, device) };
  return kata_vfio__check_late (op->sandbox->runtime->host_root, device->address, &there, err);
}

int
kata_sandbox_host__plug (struct kata_operation *op, kata_vm_host_device *device, kata_error **err)
{
  int r = check_able (op, device, err);
  if (r != 0)
    return r;
  kata_late__mend (op, &devices);
  r = check_new (op, device, err);
  if (r == 0)
    r = find_port (op, device, err);
  if (r == 0)
    r = check_host (op, device, err);
  return r == 0 ? kata_late__add (op, &devices, device, err) : r;
}

int
kata_sandbox_host__unplug (struct kata_operation *op, const kata_vm_host_device *device, kata_error **err)
{
  return kata_late__remove (op, &devices, device, err);
}
