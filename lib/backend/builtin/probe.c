/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what the built-in microVMM can do on this host; starts only `virtiofsd --version`. */
#include "backend/builtin/vm.h"

#include <string.h>

#include "backend/capability.h"
#include "backend/external.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "vmm/machine.h"

#define KEY "hypervisor.builtin.path"

int
kata_builtin__find (char **program, const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { KATA_LIBEXECDIR "/libkata/kata-vmm", "/usr/local/libexec/libkata/kata-vmm",
                                       "/usr/libexec/libkata/kata-vmm", NULL };
  return kata_external__find (program, plan->hypervisor_path, KEY, names,
                              "install libkata's kata-vmm, set the key, or set hypervisor.builtin.isolation to thread",
                              err);
}

static void
probe_run (const kata_vm_plan *plan, kata_capabilities *caps)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  if (!kata_capabilities__probe_kvm (caps, true))
    return;
  if (plan->isolation != KATA_ISOLATION_THREAD && kata_builtin__find (&program, plan, &error) < 0) {
    kata_capabilities__lack (caps, KATA_CAP_RUN, "%s", kata_error_get_message (error));
    return;
  }
  if (program != NULL)
    g_strlcpy (caps->path, program, sizeof caps->path);
  kata_capabilities__grant (caps, KATA_CAP_RUN);
}

static void
probe_absent (kata_capabilities *caps)
{
  kata_capabilities__lack_absent (caps, "this version of the built-in microVMM has no");
  kata_capabilities__lack (caps, KATA_CAP_NET_STREAM, "the built-in microVMM's network devices need a tap");
  kata_capabilities__lack (caps, KATA_CAP_NET_VHOST, "the built-in microVMM moves frames itself");
  kata_capabilities__lack (caps, KATA_CAP_FS_SHARE_9P, "the built-in microVMM shares by virtio-fs");
  kata_capabilities__lack (caps, KATA_CAP_VSOCK_VHOST, "the built-in microVMM has a vsock of its own (hybrid)");
  kata_capabilities__lack (caps, KATA_CAP_AGENT_SERIAL, "the built-in microVMM reaches the agent by vsock");
}

int
kata_builtin__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_strlcpy (caps->version, KATA_VERSION, sizeof caps->version);
  caps->max_vcpus = VMM_VCPUS_MAX;
  caps->max_memory_mib = VMM_RAM_MAX >> 20;
  probe_run (plan, caps);
  kata_virtiofsd__probe ("builtin", plan, caps);
  probe_absent (caps);
  kata_capabilities__grant (caps, KATA_CAP_VSOCK_HYBRID);
  kata_capabilities__grant (caps, KATA_CAP_BLOCK);
  kata_capabilities__grant (caps, KATA_CAP_NET);
  kata_capabilities__grant (caps, KATA_CAP_PAUSE);
  return 0;
}
