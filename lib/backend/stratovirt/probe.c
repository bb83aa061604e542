/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what StratoVirt can do on this host; runs `stratovirt --version` and `virtiofsd --version`, nothing else. */
#include "backend/stratovirt/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "backend/capability.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "base/fd.h"

#define KEY       "hypervisor.stratovirt.path"
#define VCPUS_MAX 254

int
kata_stratovirt__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "stratovirt", NULL };
  static const kata_external_program wanted = { KEY,        names,         "install stratovirt or set the key",
                                                "-version", "StratoVirt ", KATA_STRATOVIRT_VERSION_MIN };
  return kata_external__find_version (program, version, plan->hypervisor_path, &wanted,
                                      kata_deadline__within (INT64_MAX, KATA_EXTERNAL_VERSION_MS), err);
}

static void
probe_device (kata_capabilities *caps, int capability, const char *device, const char *module)
{
  kata_auto_fd int fd = open (device, O_RDWR | O_CLOEXEC);
  if (fd >= 0)
    kata_capabilities__grant (caps, capability);
  else
    kata_capabilities__lack (caps, capability, "%s: %s; load the module %s", device, g_strerror (errno), module);
}

static void
probe_absent (kata_capabilities *caps)
{
  kata_capabilities__lack_absent (caps, "this version of libkata does not drive StratoVirt's");
  kata_capabilities__lack (caps, KATA_CAP_MEMORY_RESIZE, "StratoVirt's microvm has no memory hotplug");
  kata_capabilities__lack (caps, KATA_CAP_CPU_RESIZE, "StratoVirt's microvm has no CPU hotplug");
  kata_capabilities__lack (caps, KATA_CAP_VFIO, "StratoVirt's microvm has no PCI");
  kata_capabilities__lack (caps, KATA_CAP_VFIO_HOTPLUG, "StratoVirt's microvm has no PCI");
  kata_capabilities__lack (caps, KATA_CAP_CONFIDENTIAL, "StratoVirt has no confidential guests");
  kata_capabilities__lack (caps, KATA_CAP_FS_SHARE_9P, "StratoVirt has no 9p; it shares by virtio-fs");
  kata_capabilities__lack (caps, KATA_CAP_VSOCK_HYBRID, "StratoVirt has no vsock over a unix socket");
  kata_capabilities__lack (caps, KATA_CAP_AGENT_SERIAL, "StratoVirt's microvm has one virtio-serial port");
  kata_capabilities__lack (caps, KATA_CAP_NET_BY_NAME, "StratoVirt is given its taps as descriptors");
  kata_capabilities__lack (caps, KATA_CAP_BLOCK_BY_ORDER, "StratoVirt's disks have serial numbers");
  kata_capabilities__lack (caps, KATA_CAP_NET_STREAM, "StratoVirt's network devices need a tap");
}

static void
probe_later_disks (const kata_vm_plan *plan, const unsigned version[3], kata_capabilities *caps)
{
  unsigned least[3];
  kata_external__parse_version (KATA_STRATOVIRT_VERSION_DISKS, least);
  if (g_strcmp0 (plan->machine_type, "q35") == 0)
    kata_capabilities__lack (caps, KATA_CAP_BLOCK_HOTPLUG, "libkata adds disks to StratoVirt's microvm only");
  else if (version[0] < least[0] || (version[0] == least[0] && version[1] < least[1]))
    kata_capabilities__lack (caps, KATA_CAP_BLOCK_HOTPLUG,
                             "StratoVirt before " KATA_STRATOVIRT_VERSION_DISKS
                             " gives no serial number to a disk that comes later");
  else
    kata_capabilities__grant (caps, KATA_CAP_BLOCK_HOTPLUG);
}

int
kata_stratovirt__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  unsigned version[3];
  if (kata_stratovirt__find (&program, version, plan, &error) < 0) {
    for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
      kata_capabilities__lack (caps, cap, "%s", kata_error_get_message (error));
    return 0;
  }
  g_strlcpy (caps->path, program, sizeof caps->path);
  snprintf (caps->version, sizeof caps->version, "%u.%u.%u", version[0], version[1], version[2]);
  caps->max_vcpus = VCPUS_MAX;
  caps->max_memory_mib = 512 << 10;
  if (kata_capabilities__probe_kvm (caps, true))
    kata_capabilities__grant (caps, KATA_CAP_RUN);
  kata_virtiofsd__probe ("stratovirt", plan, caps);
  probe_absent (caps);
  probe_device (caps, KATA_CAP_VSOCK_VHOST, "/dev/vhost-vsock", "vhost_vsock");
  probe_device (caps, KATA_CAP_NET_VHOST, "/dev/vhost-net", "vhost_net");
  kata_capabilities__grant (caps, KATA_CAP_BLOCK);
  kata_capabilities__grant (caps, KATA_CAP_NET);
  kata_capabilities__grant (caps, KATA_CAP_PAUSE);
  probe_later_disks (plan, version, caps);
  return 0;
}
