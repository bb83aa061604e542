/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-device: which devices of the host the guest gets, and where they are in it; whether the host can give them is looked at when it starts. */
#include <string.h>

#include "base/id.h"
#include "host/pci.h"
#include "plan/build.h"
#include "plan/edit.h"

#define DEVICES_MAX 8u
#define CLH_PLACES  8u
#define OURS        "kata-"
#define ID_MAX      20u
#define MEDIATED    "/sys/bus/mdev/"

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
  bool any = plan->vm.host_ports != 0;
  for (size_t i = 0; devices != NULL && devices[i] != NULL; i++) {
    any = true;
    if (group >= 0 && devices[i]->group == group && devices[i]->port == 0)
      return true;
  }
  return any && strcmp (path, "/dev/vfio/vfio") == 0; /* the one that all groups share */
}

bool
kata_plan__is_container_host (const kata_vm_host_device *device)
{
  return g_str_has_prefix (device->id, OURS);
}

/* A page that was given back and came again is another one than the device has. */
static void
keep_memory (struct kata_plan_build *b)
{
  kata_vm_plan *vm = &b->plan->vm;
  if (vm->memory_reporting)
    kata_plan__warn (b, "%s: has no effect: with a device of the host all of the guest's memory stays locked",
                     kata_plan__key (b, "reclaim_guest_freed_memory"));
  vm->memory_reporting = 0;
}

/* What does not go with a device that writes into the guest's memory by itself. */
static int
check_others (struct kata_plan_build *b, kata_error **err)
{
  if (b->plan->vm.confidential != KATA_CONFIDENTIAL_NONE)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "host_devices",
                            "host_devices: this version of libkata gives confidential guests no devices of the host");
  if (strcmp (b->runtime->vfio_mode, "guest-kernel") != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "runtime.vfio_mode",
                            "runtime.vfio_mode: \"%s\": libkata's guests drive such devices themselves; set "
                            "\"guest-kernel\"",
                            b->runtime->vfio_mode);
  keep_memory (b);
  return 0;
}

static int
refuse_address (const char *address, kata_error **err)
{
  if (address != NULL && g_str_has_prefix (address, MEDIATED))
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, "host_devices",
        "host_devices: \"%.80s\" is a mediated device, of which this version of libkata gives guests "
        "none; name a PCI function",
        address);
  return kata_error__set (err, KATA_E_INVALID, "host_devices",
                          "host_devices: \"%.40s\" is no PCI address like 0000:01:00.0; `lspci -D` lists them",
                          address != NULL ? address : "");
}

/* @container: for one, whose ids nobody else's devices have. The longest addresses leave no room for both. */
static const char *
make_id (kata_arena *arena, const char *address, bool container)
{
  char *made = kata_arena__printf (arena, "%s%s", container ? OURS : "", address);
  g_strdelimit (made, ":.", '-');
  if (strlen (made) <= ID_MAX)
    return made;
  char *to = made + strlen (OURS);
  for (const char *from = to; *from != '\0'; from++)
    if (*from != '-')
      *to++ = *from;
  *to = '\0';
  return made;
}

static int
make_device (kata_vm_host_device **out, kata_arena *arena, const kata_host_device *device, int64_t group,
             bool container, kata_error **err)
{
  char address[KATA_PCI_ADDRESS_MAX + 1];
  if (!kata_pci__parse (address, device->address))
    return refuse_address (device->address, err);
  const char *id = device->id != NULL ? kata_arena__strdup (arena, device->id) : make_id (arena, address, container);
  int rc = kata_id__check_disk ("host_devices", id, err);
  if (rc < 0)
    return rc;
  kata_vm_host_device *taken = kata_arena__new0 (arena, kata_vm_host_device, 1);
  *taken = (kata_vm_host_device){
    .size = sizeof *taken, .id = id, .address = kata_arena__strdup (arena, address), .group = group
  };
  if (!container && kata_plan__is_container_host (taken))
    return kata_error__set (err, KATA_E_INVALID, "host_devices",
                            "host_devices: %s: ids that begin like this are libkata's own", id);
  *out = taken;
  return 0;
}

int
kata_plan__late_host_device (kata_vm_host_device **out, kata_arena *arena, const kata_host_device *device,
                             int64_t group, bool container, kata_error **err)
{
  return make_device (out, arena, device, group, container, err);
}

static int
take_device (const kata_vm_host_device **list, size_t i, struct kata_plan_build *b, const kata_host_device *device,
             kata_error **err)
{
  kata_vm_host_device *taken = NULL;
  int rc = make_device (&taken, b->arena, device, b->in->groups != NULL ? b->in->groups[i] : -1, false, err);
  if (rc < 0)
    return rc;
  for (size_t j = 0; j < i; j++)
    if (strcmp (list[j]->id, taken->id) == 0 || strcmp (list[j]->address, taken->address) == 0)
      return kata_error__set (err, KATA_E_INVALID, "host_devices", "host_devices: %s (%s) is there twice", taken->id,
                              taken->address);
  list[i] = taken;
  return 0;
}

/* Why there are no places for later ones, though the configuration wants some; NULL. */
static const char *
lacks_late (const struct kata_plan_build *b)
{
  bool landlock = true;
  for (const char *const *layer = b->plan->vm.confine_waive; layer != NULL && *layer != NULL; layer++)
    landlock = landlock && strcmp (*layer, "landlock") != 0;
  if (!kata_plan__has (b, KATA_CAP_VFIO_HOTPLUG))
    return kata_plan__reason (b, KATA_CAP_VFIO_HOTPLUG);
  if (b->plan->vm.confidential != KATA_CONFIDENTIAL_NONE)
    return "this version of libkata gives confidential guests no devices of the host";
  if (strcmp (b->runtime->vfio_mode, "guest-kernel") != 0)
    return "libkata's guests drive such devices themselves; set runtime.vfio_mode to \"guest-kernel\"";
  /* What it may open is decided when it starts, and VFIO's files have to be there for that. */
  if (strcmp (b->in->hypervisor, "clh") == 0 && landlock && !kata_plan__has (b, KATA_CAP_VFIO))
    return kata_plan__reason (b, KATA_CAP_VFIO);
  return NULL;
}

/* @n: how many there are from the start. */
static int
decide_late (struct kata_plan_build *b, size_t n, kata_error **err)
{
  const char *port = b->hv->hot_plug_vfio, *key = kata_plan__key (b, "hot_plug_vfio"), *why;
  bool qemu = strcmp (b->in->hypervisor, "qemu") == 0, to_switch = strcmp (port, "switch-port") == 0;
  uint32_t wanted = (uint32_t) b->hv->pcie_root_port, left = DEVICES_MAX - (uint32_t) n;
  if (port[0] == '\0' || strcmp (port, "no-port") == 0) {
    if (wanted != 0 && kata_plan__has (b, KATA_CAP_VFIO_HOTPLUG))
      kata_plan__warn (b, "%s: does nothing without hot_plug_vfio = \"root-port\"",
                       kata_plan__key (b, "pcie_root_port"));
    return 0;
  }
  if (strcmp (port, "bridge-port") == 0 || (to_switch && !qemu))
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: %s has no \"%s\" for devices; set \"root-port\"", key,
                            b->in->hypervisor, port);
  why = lacks_late (b);
  if (why != NULL) {
    kata_plan__warn (b, "%s: has no effect, no device of the host can come later: %s", key, why);
    return 0;
  }
  if (to_switch && b->hv->pcie_switch_port != 0) {
    uint32_t ports = (uint32_t) b->hv->pcie_switch_port,
             taken = b->plan->vm.host_bus == KATA_DEVICE_BUS_SWITCH ? (uint32_t) n : 0;
    wanted = ports - MIN (ports, taken);
  } else if (to_switch || wanted == 0) {
    wanted = qemu ? 1 : CLH_PLACES;
  }
  b->plan->vm.host_late_bus = to_switch ? KATA_DEVICE_BUS_SWITCH : KATA_DEVICE_BUS_ROOT;
  b->plan->vm.host_ports = MIN (wanted, left);
  if (b->plan->vm.host_ports != 0)
    keep_memory (b);
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
    return decide_late (b, 0, err);
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
  return rc == 0 ? decide_late (b, n, err) : rc;
}
