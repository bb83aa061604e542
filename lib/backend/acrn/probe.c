/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what ACRN can do on this host, and for what it cannot, why; runs `acrn-dm -v`, nothing else. */
#include "backend/acrn/vm.h"

#include <stdio.h>
#include <unistd.h>

#include "backend/capability.h"
#include "base/error.h"

#define KEY     "hypervisor.acrn.path"
#define WAIT_MS 5000
#define HSM     "/dev/acrn_hsm"

int
kata_acrn__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "acrn-dm", NULL };
  static const kata_external_program wanted = { KEY,  names,        "install acrn-dm or set the key",
                                                "-v", "DM version", KATA_ACRN_VERSION_MIN };
  return kata_external__find_version (program, version, plan->hypervisor_path, &wanted,
                                      kata_deadline__within (INT64_MAX, WAIT_MS), err);
}

static const struct {
  int capability;
  const char *why;
} absent[] = {
  { KATA_CAP_KVM, "ACRN is a hypervisor of its own and does not use KVM" },
  { KATA_CAP_FS_SHARE_VIRTIOFS, "acrn-dm has no virtio-fs" },
  { KATA_CAP_FS_SHARE_9P, "acrn-dm has no 9p" },
  { KATA_CAP_BLOCK, "acrn-dm's disks have no serial number by which a guest could tell them apart" },
  { KATA_CAP_BLOCK_HOTPLUG, "acrn-dm can only give another file to a disk that is there (acrnctl blkrescan)" },
  { KATA_CAP_NET, "acrn-dm opens taps by their names, in its own network namespace and not the pod's" },
  { KATA_CAP_NET_HOTPLUG, "acrn-dm adds no device to a running guest" },
  { KATA_CAP_NET_STREAM, "acrn-dm's network devices need a tap" },
  { KATA_CAP_NET_VHOST, "acrn-dm opens taps by their names, in its own network namespace and not the pod's" },
  { KATA_CAP_NET_BY_NAME, "this version of libkata does not start acrn-dm in a pod's network namespace" },
  { KATA_CAP_BLOCK_BY_ORDER, "this version of libkata gives ACRN's guests no disks" },
  { KATA_CAP_VFIO, "this version of libkata does not drive ACRN's passing through of devices" },
  { KATA_CAP_CPU_RESIZE, "ACRN's guests keep the vCPUs they begin with" },
  { KATA_CAP_MEMORY_RESIZE, "ACRN's guests keep the memory they begin with" },
  { KATA_CAP_PAUSE, "acrn-dm has no command that pauses a guest" },
  { KATA_CAP_SNAPSHOT, "ACRN has no snapshots" },
  { KATA_CAP_VSOCK_HYBRID, "acrn-dm has no vsock over a unix socket" },
  { KATA_CAP_AGENT_SERIAL, "this version of libkata reaches the agent in ACRN's guests over vsock only" },
  { KATA_CAP_CONFIDENTIAL, "ACRN has no confidential guests" },
};

int
kata_acrn__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  unsigned version[3];
  if (kata_acrn__find (&program, version, plan, &error) < 0) {
    for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
      kata_capabilities__lack (caps, cap, "%s", kata_error_get_message (error));
    return 0;
  }
  g_strlcpy (caps->path, program, sizeof caps->path);
  snprintf (caps->version, sizeof caps->version, "%u.%u.%u", version[0], version[1], version[2]);
  if (access (HSM, R_OK | W_OK) == 0)
    kata_capabilities__grant (caps, KATA_CAP_RUN);
  else
    kata_capabilities__lack (caps, KATA_CAP_RUN, HSM ": not usable; this host does not run under the ACRN hypervisor");
  for (size_t i = 0; i < G_N_ELEMENTS (absent); i++)
    kata_capabilities__lack (caps, absent[i].capability, "%s", absent[i].why);
  if (access ("/dev/vhost-vsock", R_OK | W_OK) == 0)
    kata_capabilities__grant (caps, KATA_CAP_VSOCK_VHOST);
  else
    kata_capabilities__lack (caps, KATA_CAP_VSOCK_VHOST, "/dev/vhost-vsock: not usable; load the module vhost_vsock");
  return 0;
}
