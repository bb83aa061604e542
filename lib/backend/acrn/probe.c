/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what ACRN can do on this host, and for what it cannot, why; runs `acrn-dm -v`, nothing else. */
#include "backend/acrn/vm.h"

#include <stdio.h>
#include <unistd.h>

#include "backend/capability.h"
#include "base/error.h"

#define KEY     "hypervisor.acrn.path"
#define KEY_CTL "hypervisor.acrn.ctlpath"

int
kata_acrn__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "acrn-dm", NULL };
  static const kata_external_program wanted = { KEY,  names, "install acrn-dm or set the key",
                                                "-v", "DM",  KATA_ACRN_VERSION_MIN };
  return kata_external__find_version (program, version, plan->hypervisor_path, &wanted,
                                      kata_deadline__within (INT64_MAX, KATA_EXTERNAL_VERSION_MS), err);
}

int
kata_acrn__find_control (char **program, const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "acrnctl", NULL };
  return kata_external__find (program, plan->control_path, KEY_CTL, names, "install acrnctl or set the key", err);
}

static const struct {
  int capability;
  const char *why;
} absent[] = {
  { KATA_CAP_KVM, "ACRN is a hypervisor of its own and does not use KVM" },
  { KATA_CAP_FS_SHARE_VIRTIOFS, "acrn-dm has no virtio-fs; libkata packs directories into a disk" },
  { KATA_CAP_FS_SHARE_9P, "acrn-dm has no 9p; libkata packs directories into a disk" },
  { KATA_CAP_NET_HOTPLUG, "acrn-dm adds no device to a running guest" },
  { KATA_CAP_NET_STREAM, "acrn-dm's network devices need a tap" },
  { KATA_CAP_VFIO, "this version of libkata does not drive ACRN's passing through of devices" },
  { KATA_CAP_VFIO_HOTPLUG, "this version of libkata does not drive ACRN's passing through of devices" },
  { KATA_CAP_CPU_RESIZE, "ACRN's guests keep the vCPUs they begin with" },
  { KATA_CAP_MEMORY_RESIZE, "ACRN's guests keep the memory they begin with" },
  { KATA_CAP_PAUSE, "ACRN has no command that pauses a guest" },
  { KATA_CAP_SNAPSHOT, "ACRN has no snapshots" },
  { KATA_CAP_VSOCK_HYBRID, "acrn-dm has no vsock over a unix socket" },
  { KATA_CAP_AGENT_SERIAL, "this version of libkata reaches the agent in ACRN's guests over vsock only" },
  { KATA_CAP_CONFIDENTIAL, "ACRN has no confidential guests" },
};

static void
probe_device (kata_capabilities *caps, int capability, const char *device, const char *remedy)
{
  if (access (device, R_OK | W_OK) == 0)
    kata_capabilities__grant (caps, capability);
  else
    kata_capabilities__lack (caps, capability, "%s: not usable; %s", device, remedy);
}

static void
probe_control (const kata_vm_plan *plan, kata_capabilities *caps)
{
  g_autofree char *control = NULL;
  g_autoptr (kata_error) error = NULL;
  if (kata_acrn__find_control (&control, plan, &error) == 0)
    kata_capabilities__grant (caps, KATA_CAP_BLOCK_HOTPLUG);
  else
    kata_capabilities__lack (caps, KATA_CAP_BLOCK_HOTPLUG, "%s", kata_error_get_message (error));
}

int
kata_acrn__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  static const int there[] = { KATA_CAP_BLOCK, KATA_CAP_BLOCK_BY_ORDER, KATA_CAP_NET, KATA_CAP_NET_BY_NAME };
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
  for (size_t i = 0; i < G_N_ELEMENTS (absent); i++)
    kata_capabilities__lack (caps, absent[i].capability, "%s", absent[i].why);
  for (size_t i = 0; i < G_N_ELEMENTS (there); i++)
    kata_capabilities__grant (caps, there[i]);
  probe_device (caps, KATA_CAP_RUN, "/dev/acrn_hsm", "this host does not run under the ACRN hypervisor");
  probe_device (caps, KATA_CAP_VSOCK_VHOST, "/dev/vhost-vsock", "load the module vhost_vsock");
  probe_device (caps, KATA_CAP_NET_VHOST, "/dev/vhost-net", "load the module vhost_net");
  probe_control (plan, caps);
  return 0;
}
