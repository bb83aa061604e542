/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: a plan in the words of ACRN's device model, acrn-dm; pure. It opens nothing and looks at nothing but its arguments. */
#ifndef KATA_BACKEND_ACRN_ARGV_H
#define KATA_BACKEND_ACRN_ARGV_H

#include <kata/sys/backend.h>

/* Names in the sandbox's directory, which is the device model's working directory. */
#define KATA_ACRN_CONSOLE_LOG "console.log"
#define KATA_ACRN_LOG         "acrn.log"

/** Of a VM's name, with its end. */
#define KATA_ACRN_NAME_SIZE 16

/** What launch found out before. */
typedef struct kata_acrn_context {
  const char *program;
  uint32_t cid;     /* of vhost-vsock */
  const char *cpus; /* local APIC ids of the processors for the vCPUs, with commas: "0,2" */
} kata_acrn_context;

/** g_strfreev(). What the plan asks for and ACRN has not is KATA_E_UNSUPPORTED with the configuration's key; KATA_E_GUEST, KATA_E_CONFIG, KATA_E_LIMIT. */
int kata_acrn__argv (char ***out, const kata_vm_plan *plan, const kata_acrn_context *context, kata_error **err);
/** The name under which the hypervisor and acrnctl know the VM. */
void kata_acrn__name (char name[KATA_ACRN_NAME_SIZE], const kata_vm_plan *plan);
/** The PCI slot of the plan's first disk that can come later. */
uint32_t kata_acrn__port_slot (const kata_vm_plan *plan);
/** A disk as the end of "virtio-blk," or of "slot,", g_free(). KATA_E_CONFIG: acrn-dm cannot be told of such a path. */
int kata_acrn__disk_words (char **out, const kata_vm_disk *disk, kata_error **err);
/** Pure: the first @n of the ids in a text like /proc/cpuinfo, g_free(); KATA_E_LIMIT: there are fewer. */
int kata_acrn__cpus (char **out, const char *cpuinfo, uint32_t n, kata_error **err);

#endif
