/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what Cloud Hypervisor can do on this host; runs `cloud-hypervisor --version` and `virtiofsd --version`, nothing else. */
#include "backend/clh/vm.h"

#include <stdio.h>

#include "backend/capability.h"
#include "backend/virtiofsd.h"
#include "base/error.h"

#define KEY       "hypervisor.clh.path"
#define REMEDY    "install cloud-hypervisor or set the key"
#define VCPUS_MAX 254

int
kata_clh__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "cloud-hypervisor", NULL };
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  int code = kata_external__find (&path, plan->hypervisor_path, KEY, names, REMEDY, err);
  if (code < 0)
    return code;
  kata_error *cause = NULL;
  code = kata_external__output (&text, path, "--version", kata_deadline__within (INT64_MAX, KATA_EXTERNAL_VERSION_MS),
                                &cause);
  if (code < 0)
    return kata_error__wrap (err, cause, KEY, KEY ": \"%s\" cannot be run", path);
  if (!g_str_has_prefix (text, "cloud-hypervisor ") || !kata_external__parse_version (text, version))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is no Cloud Hypervisor: it calls itself \"%.80s\"; %s",
                            path, text, REMEDY);
  if (version[0] < KATA_CLH_VERSION_MIN)
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is version %u.%u, %u.0 is needed", path, version[0],
                            version[1], KATA_CLH_VERSION_MIN);
  *program = g_steal_pointer (&path);
  return 0;
}

static void
probe_absent (kata_capabilities *caps)
{
  kata_capabilities__lack_absent (caps, "this version of libkata does not drive Cloud Hypervisor's");
  kata_capabilities__lack (caps, KATA_CAP_FS_SHARE_9P, "Cloud Hypervisor has no 9p; it shares by virtio-fs");
  kata_capabilities__lack (caps, KATA_CAP_VSOCK_VHOST, "Cloud Hypervisor has a vsock of its own (hybrid)");
  kata_capabilities__lack (caps, KATA_CAP_AGENT_SERIAL, "Cloud Hypervisor has no virtio-serial ports");
  kata_capabilities__lack (caps, KATA_CAP_NET_STREAM, "Cloud Hypervisor's network devices need a tap");
  kata_capabilities__lack (caps, KATA_CAP_NET_VHOST, "Cloud Hypervisor moves frames itself");
}

int
kata_clh__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  unsigned version[3];
  if (kata_clh__find (&program, version, plan, &error) < 0) {
    for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
      kata_capabilities__lack (caps, cap, "%s", kata_error_get_message (error));
    return 0;
  }
  g_strlcpy (caps->path, program, sizeof caps->path);
  snprintf (caps->version, sizeof caps->version, "%u.%u.%u", version[0], version[1], version[2]);
  caps->max_vcpus = VCPUS_MAX;
  caps->max_memory_mib = 1 << 20;
  if (kata_capabilities__probe_kvm (caps, true))
    kata_capabilities__grant (caps, KATA_CAP_RUN);
  kata_virtiofsd__probe ("clh", plan, caps);
  probe_absent (caps);
  kata_capabilities__probe_vfio (caps);
  kata_capabilities__grant (caps, KATA_CAP_VFIO_HOTPLUG);
  kata_capabilities__grant (caps, KATA_CAP_VSOCK_HYBRID);
  kata_capabilities__grant (caps, KATA_CAP_BLOCK);
  kata_capabilities__grant (caps, KATA_CAP_BLOCK_HOTPLUG);
  kata_capabilities__grant (caps, KATA_CAP_NET);
  kata_capabilities__grant (caps, KATA_CAP_NET_HOTPLUG);
  kata_capabilities__grant (caps, KATA_CAP_CPU_RESIZE);
  kata_capabilities__grant (caps, KATA_CAP_MEMORY_RESIZE);
  kata_capabilities__grant (caps, KATA_CAP_PAUSE);
  kata_capabilities__grant (caps, KATA_CAP_SNAPSHOT);
  kata_capabilities__grant (caps, KATA_CAP_VHOST_USER);
  return 0;
}
