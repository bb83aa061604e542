/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: a plan in StratoVirt's words; pure. It opens nothing and looks at nothing but its arguments. */
#ifndef KATA_BACKEND_STRATOVIRT_ARGV_H
#define KATA_BACKEND_STRATOVIRT_ARGV_H

#include <kata/sys/backend.h>

/* Names in the sandbox's directory, which is the VMM's working directory. */
#define KATA_STRATOVIRT_QMP_SOCKET  "qmp.sock"
#define KATA_STRATOVIRT_CONSOLE_LOG "console.log"
#define KATA_STRATOVIRT_LOG         "stratovirt.log"
#define KATA_STRATOVIRT_LOG_QUOTED  1500u

/** Numbers of descriptors in StratoVirt; those of the network devices, and behind them those of vhost-net. */
#define KATA_STRATOVIRT_VHOST_FD 3
#define KATA_STRATOVIRT_NIC_FD   4

/** How many disks and network devices of its own machine microvm takes, those that come later included. */
#define KATA_STRATOVIRT_DISKS_MAX 4
#define KATA_STRATOVIRT_NICS_MAX  2

/** What StratoVirt's names of disks begin with; those of other devices do not. */
#define KATA_STRATOVIRT_DISK "disk-"

/** What is alike for all disks of a machine, kept of the plan for those that come later. */
typedef struct kata_stratovirt_disks {
  uint32_t first; /* the place of the first of them: so many are there from the start */
  int32_t aio, direct;
  int32_t limited; /* how many operations a disk may have in a second */
} kata_stratovirt_disks;
kata_stratovirt_disks kata_stratovirt__disks (const kata_vm_plan *plan);

/** "off", "threads", "native", "io_uring"; QMP writes the last "iouring". */
const char *kata_stratovirt__aio (int32_t aio, int32_t direct);

/**
 * The arguments of blockdev-add and device_add for a disk that comes later, JSON texts; pure. g_free(). KATA_E_INVALID; KATA_E_LIMIT: no such place;
 * KATA_E_UNSUPPORTED: what the plan says of all disks cannot be had for it.
 */
int kata_stratovirt__disk_arguments (char **node, char **device, const kata_vm_disk *disk,
                                     const kata_stratovirt_disks *disks, kata_error **err);

/**
 * g_strfreev(). @cid: of vhost-vsock. What the plan asks for and StratoVirt has not is KATA_E_UNSUPPORTED with the configuration's key; else
 * KATA_E_CONFIG, KATA_E_GUEST, KATA_E_LIMIT, KATA_E_INVALID.
 */
int kata_stratovirt__argv (char ***out, const kata_vm_plan *plan, const char *program, uint32_t cid, kata_error **err);

#endif
