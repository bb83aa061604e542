/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config: a plan in Cloud Hypervisor's words: command line, VmConfig, NetConfig; pure. */
#ifndef KATA_BACKEND_CLH_CONFIG_H
#define KATA_BACKEND_CLH_CONFIG_H

#include <kata/sys/backend.h>

/* Names in the sandbox's directory, which is the VMM's working directory. */
#define KATA_CLH_API_SOCKET   "clh.sock"
#define KATA_CLH_VSOCK_SOCKET "vsock.sock"
#define KATA_CLH_CONSOLE_LOG  "console.log"
#define KATA_CLH_LOG          "clh.log"

/** Where disks that come later appear, by the numbers of their ports, and a snapshot: Landlock keeps the VMM from files that it was not told of. */
#define KATA_CLH_PORTS_DIR "disks"
#define KATA_CLH_PORTS_MAX 8

/** The descriptor of the event monitor's file in the VMM. */
#define KATA_CLH_EVENTS_FD 3

/** Of a device: a second, and besides, once; 0 = none. */
struct kata_clh_limits {
  uint64_t bytes, bytes_once, ops, ops_once;
};
/** What is alike for all disks. */
struct kata_clh_disks {
  int32_t direct;
  uint32_t queues, queue_size;
  struct kata_clh_limits limits;
};
struct kata_clh_disks kata_clh__disks (const kata_vm_plan *plan);
/** Those of the plan's network devices. */
struct kata_clh_limits kata_clh__net_limits (const kata_vm_plan *plan);

/** g_strfreev(). */
int kata_clh__argv (char ***out, const kata_vm_plan *plan, const char *program, kata_error **err);

/**
 * The body of vm.create (VmConfig of vmm/src/api/openapi/cloud-hypervisor.yaml, version 51 and later), g_free(). What the plan asks for and Cloud
 * Hypervisor has not is KATA_E_UNSUPPORTED with the configuration's key.
 */
int kata_clh__vm_config (char **json, const kata_vm_plan *plan, kata_error **err);

/** The body of vm.add-net for the plan's network device number @n; its descriptors go along with the request. g_free(). */
int kata_clh__net_config (char **json, const kata_vm_plan *plan, size_t n, kata_error **err);

/** The same for a device that comes while the guest runs, into a port. g_free(). */
int
kata_clh__late_net_config (char **json, const kata_vm_nic *nic, const struct kata_clh_limits *limits, kata_error **err);
/** The body of vm.add-disk for a disk that comes into a port; @path: where the VMM finds it. g_free(). KATA_E_INVALID. */
int kata_clh__late_disk_config (char **json, const kata_vm_disk *disk, const char *path,
                                const struct kata_clh_disks *disks, kata_error **err);
/** Its name in the VMM. g_free(). */
char *kata_clh__disk_id (const kata_vm_disk *disk);

/** Its name in the VMM: by its port, or for one that is there from the start by its number @n. g_free(). */
char *kata_clh__nic_id (const kata_vm_nic *nic, size_t n);

#endif
