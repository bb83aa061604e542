/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: which devices of the host the guest gets, and where they are in it; whether the host can give them is looked at when it starts. */
#include <string.h>

#include "base/id.h"
#include "host/pci.h"
#include "plan/build.h"
#include "plan/edit.h"

#define DEVICES_MAX 8u

/* Where the configuration wants them. */
static int
decide_bus (struct kata_plan_build *b, kata_error **err)
{
  const char *port = b->hv->cold_plug_vfio, *key = kata_plan__key (b, "cold_plug_vfio");
  bool qemu = strcmp (b->in->hypervisor, "qemu") == 0, to_switch = strcmp (port, "switch-port") == 0;
  if (strcmp (port, "no-port") == 0)
    return kata_error__set (err, KATA_E_CONFIG, key,
                            "%s: is \"no-port\", and the sandbox has devices of the host; set \"root-port\"", key);
  if (strcmp (port, "bridge-port") == 0 || (to_switch && !qemu))
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: %s has no \"%s\" for devices; set \"root-port\"", key,
                            b->in->hypervisor, port);
  b->plan->vm.host_bus = to_switch ? KATA_DEVICE_BUS_SWITCH : KATA_DEVICE_BUS_ROOT;
  b->plan->vm.host_switch_ports = to_switch ? (uint32_t) b->hv->pcie_switch_port : 0;
  return 0;
}

bool
kata_plan__gives_group (const kata_plan *plan, const char *path)
{
  const kata_vm_host_device *const *devices = plan->vm.host_devices;
  int64_t group = kata_pci__group_of_file (path);
  if (devices == NULL || devices[0] == NULL)
    return false;
  for (size_t i = 0; devices[i] != NULL; i++)
    if (group >= 0 && devices[i]->group == group)
      return true;
  return strcmp (path, "/dev/vfio/vfio") == 0; /* the one that all groups share */
}

/* What does not go with a device that writes into the guest's memory by itself. */
static int
check_others (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  if (vm->confidential != KATA_CONFIDENTIAL_NONE)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "host_devices",
                            "host_devices: this version of libkata gives confidential guests no devices of the host");
  if (strcmp (b->runtime->vfio_mode, "guest-kernel") != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "runtime.vfio_mode",
                            "runtime.vfio_mode: \"%s\": libkata's guests drive such devices themselves; set "
                            "\"guest-kernel\"",
                            b->runtime->vfio_mode);
  /* A page that was given back and came again is another one than the device has. */
  if (vm->memory_reporting)
    kata_plan__warn (b, "%s: has no effect: with a device of the host all of the guest's memory stays locked",
                     kata_plan__key (b, "reclaim_guest_freed_memory"));
  vm->memory_reporting = 0;
  return 0;
}

static int
take_device (const kata_vm_host_device **list, size_t i, struct kata_plan_build *b, const kata_host_device *device,
             kata_error **err)
{
  char address[KATA_PCI_ADDRESS_MAX + 1];
  if (!kata_pci__parse (address, device->address))
    return kata_error__set (err, KATA_E_INVALID, "host_devices",
                            "host_devices: \"%.40s\" is no PCI address like 0000:01:00.0; `lspci -D` lists them",
                            device->address != NULL ? device->address : "");
  char *made = kata_arena__strdup (b->arena, address);
  g_strdelimit (made, ":.", '-');
  const char *id = device->id != NULL ? kata_arena__strdup (b->arena, device->id) : made;
  int rc = kata_id__check_disk ("host_devices", id, err);
  if (rc < 0)
    return rc;
  for (size_t j = 0; j < i; j++)
    if (strcmp (list[j]->id, id) == 0 || strcmp (list[j]->address, address) == 0)
      return kata_error__set (err, KATA_E_INVALID, "host_devices", "host_devices: %s (%s) is there twice", id, address);
  kata_vm_host_device *taken = kata_arena__new0 (b->arena, kata_vm_host_device, 1);
  *taken = (kata_vm_host_device){ .size = sizeof *taken,
                                  .id = id,
                                  .address = kata_arena__strdup (b->arena, address),
                                  .group = b->in->groups != NULL ? b->in->groups[i] : -1 };
  list[i] = taken;
  return 0;
}

int
kata_plan__host_devices (struct kata_plan_build *b, kata_error **err)
{
  const kata_host_device *const *devices = b->in->options->host_devices;
  size_t n = 0;
  while (devices != NULL && devices[n] != NULL)
    if (++n > DEVICES_MAX)
      return kata_error__set (err, KATA_E_LIMIT, "host_devices", "host_devices: more than %u", DEVICES_MAX);
  if (n == 0)
    return 0;
  if (!kata_plan__has (b, KATA_CAP_VFIO))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "host_devices",
                            "host_devices: %s cannot give a guest devices of the host: %s", b->in->hypervisor,
                            kata_plan__reason (b, KATA_CAP_VFIO));
  int rc = decide_bus (b, err);
  if (rc == 0)
    rc = check_others (b, err);
  const kata_vm_host_device **list = kata_arena__new0 (b->arena, const kata_vm_host_device *, n + 1);
  for (size_t i = 0; rc == 0 && i < n; i++)
    rc = take_device (list, i, b, devices[i], err);
  uint32_t ports = b->plan->vm.host_switch_ports;
  if (rc == 0 && ports != 0 && n > ports) {
    const char *key = kata_plan__key (b, "pcie_switch_port");
    rc = kata_error__set (err, KATA_E_LIMIT, key, "%s: %u, and there are %zu devices of the host", key, ports, n);
  }
  if (rc == 0)
    b->plan->vm.host_devices = list;
  return rc;
}
