/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* capability: names, bits and reasons. */
#include "backend/capability.h"

#include <stdio.h>
#include <string.h>

#include "host/kvm.h"
#include "host/vfio.h"

static const char *const names[KATA_CAP_COUNT] = {
  [KATA_CAP_RUN] = "run",
  [KATA_CAP_KVM] = "kvm",
  [KATA_CAP_FS_SHARE_VIRTIOFS] = "fs-share-virtiofs",
  [KATA_CAP_FS_SHARE_9P] = "fs-share-9p",
  [KATA_CAP_BLOCK] = "block",
  [KATA_CAP_BLOCK_HOTPLUG] = "block-hotplug",
  [KATA_CAP_NET] = "net",
  [KATA_CAP_NET_HOTPLUG] = "net-hotplug",
  [KATA_CAP_VFIO] = "vfio",
  [KATA_CAP_CPU_RESIZE] = "cpu-resize",
  [KATA_CAP_MEMORY_RESIZE] = "memory-resize",
  [KATA_CAP_PAUSE] = "pause",
  [KATA_CAP_SNAPSHOT] = "snapshot",
  [KATA_CAP_VSOCK_VHOST] = "vsock-vhost",
  [KATA_CAP_VSOCK_HYBRID] = "vsock-hybrid",
  [KATA_CAP_AGENT_SERIAL] = "agent-serial",
  [KATA_CAP_CONFIDENTIAL] = "confidential",
  [KATA_CAP_NET_STREAM] = "net-stream",
  [KATA_CAP_NET_VHOST] = "net-vhost",
  [KATA_CAP_NET_BY_NAME] = "net-by-name",
  [KATA_CAP_BLOCK_BY_ORDER] = "block-by-order",
  [KATA_CAP_BLOCK_PORT_MODES] = "block-port-modes",
  [KATA_CAP_VHOST_USER] = "vhost-user",
  [KATA_CAP_VFIO_HOTPLUG] = "vfio-hotplug",
};

const char *
kata_capability_name (int capability)
{
  return capability >= 0 && capability < KATA_CAP_COUNT ? names[capability] : "unknown";
}

int
kata_capability__from_name (const char *name)
{
  for (int i = 0; i < KATA_CAP_COUNT; i++)
    if (strcmp (names[i], name) == 0)
      return i;
  return -1;
}

void
kata_capabilities__init (kata_capabilities *caps)
{
  *caps = (kata_capabilities){ .size = sizeof *caps };
  /* Ways of being weaker, which few are. */
  kata_capabilities__lack (caps, KATA_CAP_NET_BY_NAME, "taps are handed over as descriptors");
  kata_capabilities__lack (caps, KATA_CAP_BLOCK_BY_ORDER, "disks have serial numbers");
  kata_capabilities__lack (caps, KATA_CAP_BLOCK_PORT_MODES, "each place for a later disk takes any");
  kata_capabilities__lack (caps, KATA_CAP_VHOST_USER,
                           "libkata connects devices of qemu and clh only to vhost-user servers");
  kata_capabilities__lack (caps, KATA_CAP_VFIO_HOTPLUG,
                           "libkata gives devices of the host to running guests of qemu and clh only");
}

void
kata_capabilities__grant (kata_capabilities *caps, int capability)
{
  caps->have |= UINT64_C (1) << capability;
  caps->reason[capability][0] = '\0';
}

void
kata_capabilities__lack (kata_capabilities *caps, int capability, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  caps->have &= ~(UINT64_C (1) << capability);
  vsnprintf (caps->reason[capability], sizeof caps->reason[capability], format, args);
  va_end (args);
}

void
kata_capabilities__lack_absent (kata_capabilities *caps, const char *before)
{
  static const int absent[] = { KATA_CAP_BLOCK_HOTPLUG, KATA_CAP_NET_HOTPLUG, KATA_CAP_VFIO,        KATA_CAP_CPU_RESIZE,
                                KATA_CAP_MEMORY_RESIZE, KATA_CAP_SNAPSHOT,    KATA_CAP_CONFIDENTIAL };
  for (size_t i = 0; i < G_N_ELEMENTS (absent); i++)
    kata_capabilities__lack (caps, absent[i], "%s %s", before, kata_capability_name (absent[i]));
}

bool
kata_capabilities__probe_kvm (kata_capabilities *caps, bool needed)
{
  char reason[sizeof caps->reason[0]];
  bool usable = kata_kvm__usable (NULL, reason, sizeof reason);
  if (usable)
    kata_capabilities__grant (caps, KATA_CAP_KVM);
  else
    kata_capabilities__lack (caps, KATA_CAP_KVM, "%s", reason);
  if (!usable && needed)
    kata_capabilities__lack (caps, KATA_CAP_RUN, "%s", reason);
  return usable;
}

void
kata_capabilities__probe_vfio (kata_capabilities *caps)
{
  char reason[sizeof caps->reason[0]];
  if (kata_vfio__usable ("", reason, sizeof reason))
    kata_capabilities__grant (caps, KATA_CAP_VFIO);
  else
    kata_capabilities__lack (caps, KATA_CAP_VFIO, "%s", reason);
}

bool
kata_capabilities__has (const kata_capabilities *caps, int capability)
{
  return capability >= 0 && capability < KATA_CAP_COUNT && (caps->have >> capability & 1) != 0;
}
