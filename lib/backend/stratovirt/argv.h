/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: a plan in StratoVirt's words; pure. It opens nothing and looks at nothing but its arguments. */
#ifndef KATA_BACKEND_STRATOVIRT_ARGV_H
#define KATA_BACKEND_STRATOVIRT_ARGV_H

#include <kata/sys/backend.h>

/* Names in the sandbox's directory, which is the VMM's working directory. */
#define KATA_STRATOVIRT_QMP_SOCKET  "qmp.sock"
#define KATA_STRATOVIRT_CONSOLE_LOG "console.log"
#define KATA_STRATOVIRT_LOG         "stratovirt.log"

/** Numbers of descriptors in StratoVirt; those of the network devices, and behind them those of vhost-net. */
#define KATA_STRATOVIRT_VHOST_FD 3
#define KATA_STRATOVIRT_NIC_FD   4

/** How many disks and network devices of its own machine microvm takes, those that come later included. */
#define KATA_STRATOVIRT_DISKS_MAX 4
#define KATA_STRATOVIRT_NICS_MAX  2

/**
 * g_strfreev(). @cid: of vhost-vsock. What the plan asks for and StratoVirt has not is KATA_E_UNSUPPORTED with the configuration's key; else
 * KATA_E_CONFIG, KATA_E_GUEST, KATA_E_LIMIT, KATA_E_INVALID.
 */
int kata_stratovirt__argv (char ***out, const kata_vm_plan *plan, const char *program, uint32_t cid, kata_error **err);

#endif
