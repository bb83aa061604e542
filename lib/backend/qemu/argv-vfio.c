/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-vfio: devices of the host in QEMU's words, each in a PCI Express port of its own. */
#include "backend/qemu/builder.h"

#include "backend/device.h"
#include "base/error.h"

#define DEVICES_MAX 8
/* Numbers of the ports among all of the machine's, behind those of argv-port.c. */
#define FIRST_SLOT      32u
#define FIRST_LATE_SLOT 40u
#define SWITCH_SLOT     63u

/* A switch is a port that leads up, with the others below. */
static void
add_switch (kata_qemu_builder *b)
{
  kata_qemu__add (b, "-device", "pcie-root-port,id=host-root,chassis=%u,slot=%u", SWITCH_SLOT, SWITCH_SLOT);
  kata_qemu__add (b, "-device", "x3130-upstream,id=host-switch,bus=host-root");
}

static void
add_port (kata_qemu_builder *b, bool below, uint32_t slot, const char *name)
{
  kata_qemu__add (b, "-device", "%s,id=%s%s,chassis=%u,slot=%u", below ? "xio3130-downstream" : "pcie-root-port", name,
                  below ? ",bus=host-switch" : "", slot, slot);
}

static void
add_device (kata_qemu_builder *b, uint32_t n, const kata_vm_host_device *device)
{
  g_autofree char *name = g_strdup_printf ("host-port%u", n);
  add_port (b, b->plan->host_bus == KATA_DEVICE_BUS_SWITCH, FIRST_SLOT + n, name);
  if (device != NULL)
    kata_qemu__add (b, "-device", "vfio-pci,id=host%u,bus=%s,host=%s", n, name, device->address);
}

/* They come behind all others. */
static void
add_late_ports (kata_qemu_builder *b)
{
  bool below = b->plan->host_late_bus == KATA_DEVICE_BUS_SWITCH;
  for (uint32_t port = 1; port <= b->plan->host_ports; port++) {
    g_autofree char *name = g_strdup_printf (KATA_QEMU_HOST_PORT "%u", port);
    add_port (b, below, FIRST_LATE_SLOT + port, name);
  }
}

static int
check (const kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  if (!b->machine->root_ports)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type",
                            "hypervisor.qemu.machine_type: %s has no ports that a device of the host could be in",
                            b->machine->type);
  if (p->host_ports > KATA_QEMU_HOST_PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "hypervisor.qemu.pcie_root_port",
                            "hypervisor.qemu.pcie_root_port: %" G_GUINT64_FORMAT "; qemu is given at most %d",
                            p->host_ports, KATA_QEMU_HOST_PORTS_MAX);
  return 0;
}

int
kata_qemu__add_host_devices (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  bool any = p->host_devices != NULL && p->host_devices[0] != NULL;
  bool below = p->host_ports != 0 && p->host_late_bus == KATA_DEVICE_BUS_SWITCH;
  uint32_t n = 0;
  if (!any && p->host_ports == 0)
    return 0;
  int code = check (b, err);
  if (code < 0)
    return code;
  if (below || (any && p->host_bus == KATA_DEVICE_BUS_SWITCH))
    add_switch (b);
  for (; any && p->host_devices[n] != NULL; n++) {
    code = kata_device__check_host (p->host_devices[n], err);
    if (code < 0)
      return code;
    if (n >= DEVICES_MAX)
      return kata_error__set (err, KATA_E_LIMIT, p->host_devices[n]->id,
                              "host device %s: qemu is given at most %d devices of the host",
                              p->host_devices[n]->address, DEVICES_MAX);
    add_device (b, n, p->host_devices[n]);
  }
  for (; !below && any && n < MIN (p->host_switch_ports, DEVICES_MAX); n++)
    add_device (b, n, NULL);
  add_late_ports (b);
  return 0;
}
