/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: the plan in QEMU's words; pure. It opens nothing and looks at nothing but its arguments. */
#ifndef KATA_BACKEND_QEMU_ARGV_H
#define KATA_BACKEND_QEMU_ARGV_H

#include <stdbool.h>

#include <kata/sys/backend.h>

/** What launch found out or opened before; names of sockets and logs are relative: QEMU runs in the sandbox's directory. */
typedef struct kata_qemu_context {
  const char *program;
  unsigned version[3];
  uint32_t cid;                    /* vsock */
  uint32_t tsc_khz;                /* TCG: of the host's time stamp counter, 0 = not known */
  uint32_t sev_bit, sev_bits_lost; /* SEV-SNP: as the processor says */
  int vhost_fd;                    /* vsock: descriptor number in QEMU */
  int nic_fd; /* number of the first of the network devices' descriptors; those of vhost-net follow behind all others */
} kata_qemu_context;

#define KATA_QEMU_QMP_SOCKET   "qmp.sock"
#define KATA_QEMU_CONSOLE_LOG  "console.log"
#define KATA_QEMU_STDERR_LOG   "qemu.log"
#define KATA_QEMU_AGENT_SOCKET "agent-%u.sock" /* port number */
#define KATA_QEMU_AGENT_LOCK   "agent-%u.lock"
/** Name of a port in the guest: /sys/class/virtio-ports/vportNpM/name. */
#define KATA_QEMU_AGENT_PORT "org.libkata.agent.%u"
#define KATA_QEMU_PORTS_MAX  16
/** Names of a root port, and of what is put into it later. */
#define KATA_QEMU_NIC_PORT "port%u"
#define KATA_QEMU_NIC      "nic%u"
#define KATA_QEMU_NETDEV   "hot%u"
/** The same for disks, with the port's number behind each. */
#define KATA_QEMU_DISK_PORT      "disk-port"
#define KATA_QEMU_DISK           "late"
#define KATA_QEMU_DISK_NODE      "late-disk"
#define KATA_QEMU_DISK_PORTS_MAX 8
/** And for devices of the host. */
#define KATA_QEMU_HOST_PORT      "host-late-port"
#define KATA_QEMU_HOST           "host-late"
#define KATA_QEMU_HOST_PORTS_MAX 8
/** Of a disk with a vhost-user server: its connection by the port's number, and the device that is there from the start by the disk's id. */
#define KATA_QEMU_DISK_SERVER "late-vhost"
#define KATA_QEMU_VHOST_DISK  "vhost-"

/** g_strfreev(). KATA_E_CONFIG, KATA_E_UNSUPPORTED, KATA_E_LIMIT, KATA_E_INVALID. */
int kata_qemu__argv (char ***out, const kata_vm_plan *plan, const kata_qemu_context *context, kata_error **err);

/** The arguments of netdev_add and device_add for a device that comes later, JSON texts; pure. @platform: it goes through the IOMMU. g_free(). KATA_E_INVALID. */
int kata_qemu__nic_arguments (char **netdev, char **device, const kata_vm_nic *nic, bool platform, kata_error **err);
/** Those of device_add for a device of the host that comes later; pure. g_free(). KATA_E_INVALID. host-device.c */
int kata_qemu__host_arguments (char **device, const kata_vm_host_device *host, kata_error **err);
/** The name under which QEMU is given a descriptor of it: of queue @n, or of vhost-net for it; g_free(). */
char *kata_qemu__nic_fd_name (const kata_vm_nic *nic, bool vhost, uint32_t n);

#endif
