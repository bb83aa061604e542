/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-port: the PCI Express ports that devices can come to while the guest runs. */
#include "backend/qemu/builder.h"

#include "base/error.h"

#define PORTS_MAX 8

static int
check_ports (const kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  if ((p->nic_ports != 0 || p->disk_ports != 0) && !b->machine->root_ports)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type",
                            "hypervisor.qemu.machine_type: %s has no ports that a %s could come to", b->machine->type,
                            p->nic_ports != 0 ? "network device" : "disk");
  if (p->nic_ports > PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "network",
                            "network: %u ports for later devices; qemu is given at most %d", p->nic_ports, PORTS_MAX);
  if (p->disk_ports > KATA_QEMU_DISK_PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "hypervisor.qemu.disk_ports",
                            "hypervisor.qemu.disk_ports: %u; qemu is given at most %d", p->disk_ports,
                            KATA_QEMU_DISK_PORTS_MAX);
  return 0;
}

/*
 * Empty root ports that a device can come to while the guest runs: what is on the root bus itself cannot be changed. They come last, so that the
 * others' places stay as they are. No window of I/O ports: what comes is a modern virtio device.
 */
int
kata_qemu__add_ports (kata_qemu_builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  int code = check_ports (b, err);
  if (code < 0)
    return code;
  for (uint32_t i = 1; i <= p->nic_ports; i++)
    kata_qemu__add (b, "-device", "pcie-root-port,id=" KATA_QEMU_NIC_PORT ",chassis=%u,slot=%u,io-reserve=0", i, i, i);
  for (uint32_t i = 1; i <= p->disk_ports; i++)
    kata_qemu__add (b, "-device", "pcie-root-port,id=" KATA_QEMU_DISK_PORT "%u,chassis=%u,slot=%u,io-reserve=0", i,
                    PORTS_MAX + i, PORTS_MAX + i);
  return 0;
}
