/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-vfio: devices of the host in QEMU's words, each in a PCI Express port of its own. */
#include "backend/qemu/builder.h"

#include "backend/device.h"
#include "base/error.h"

#define DEVICES_MAX 8
/* Numbers of the ports among all of the machine's, behind those of argv-port.c. */
#define FIRST_SLOT  32u
#define SWITCH_SLOT 63u

/* A switch is a port that leads up, with the others below. */
static void
add_switch (kata_qemu_builder *b)
{
  kata_qemu__add (b, "-device", "pcie-root-port,id=host-root,chassis=%u,slot=%u", SWITCH_SLOT, SWITCH_SLOT);
  kata_qemu__add (b, "-device", "x3130-upstream,id=host-switch,bus=host-root");
}

static void
add_device (kata_qemu_builder *b, uint32_t n, const kata_vm_host_device *device)
{
  bool below = b->plan->host_bus == KATA_DEVICE_BUS_SWITCH;
  kata_qemu__add (b, "-device", "%s,id=host-port%u%s,chassis=%u,slot=%u",
                  below ? "xio3130-downstream" : "pcie-root-port", n, below ? ",bus=host-switch" : "", FIRST_SLOT + n,
                  FIRST_SLOT + n);
  if (device != NULL)
    kata_qemu__add (b, "-device", "vfio-pci,id=host%u,bus=host-port%u,host=%s", n, n, device->address);
}

int
kata_qemu__add_host_devices (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  uint32_t n = 0;
  if (p->host_devices == NULL || p->host_devices[0] == NULL)
    return 0;
  if (!b->machine->root_ports)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type",
                            "hypervisor.qemu.machine_type: %s has no ports that a device of the host could be in",
                            b->machine->type);
  if (p->host_bus == KATA_DEVICE_BUS_SWITCH)
    add_switch (b);
  for (; p->host_devices[n] != NULL; n++) {
    int code = kata_device__check_host (p->host_devices[n], err);
    if (code < 0)
      return code;
    if (n >= DEVICES_MAX)
      return kata_error__set (err, KATA_E_LIMIT, p->host_devices[n]->id,
                              "host device %s: qemu is given at most %d devices of the host",
                              p->host_devices[n]->address, DEVICES_MAX);
    add_device (b, n, p->host_devices[n]);
  }
  for (; n < MIN (p->host_switch_ports, DEVICES_MAX); n++)
    add_device (b, n, NULL);
  return 0;
}
