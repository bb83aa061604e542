/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-port: the PCI Express ports that devices can come to while the guest runs. */
#include "backend/qemu/builder.h"

#include "base/error.h"

#define PORTS_MAX 8

/*
 * Empty root ports that a network device can come to while the guest runs: what is on the root bus itself cannot be changed. They come last, so that the
 * others' places stay as they are. No window of I/O ports: what comes is a modern virtio device.
 */
int
kata_qemu__add_ports (kata_qemu_builder *b, kata_error **err)
{
  uint32_t n = b->plan->nic_ports;
  if (n != 0 && !b->machine->root_ports)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type",
                            "hypervisor.qemu.machine_type: %s has no ports that a network device could come to",
                            b->machine->type);
  if (n > PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "network",
                            "network: %u ports for later devices; qemu is given at most %d", n, PORTS_MAX);
  for (uint32_t i = 1; i <= n; i++)
    kata_qemu__add (b, "-device", "pcie-root-port,id=" KATA_QEMU_NIC_PORT ",chassis=%u,slot=%u,io-reserve=0", i, i, i);
  return 0;
}
