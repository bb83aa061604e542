/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what QEMU can do on this host; runs `qemu --version` and `virtiofsd --version`, nothing else. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/capability.h"
#include "backend/external.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "base/fd.h"

#define KEY     "hypervisor.qemu.path"
#define REMEDY  "install qemu-system-x86 or set the key"
#define WAIT_MS 5000

int
kata_qemu__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "qemu-system-x86_64", "/usr/libexec/qemu-kvm", NULL };
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  unsigned least[3];
  int code = kata_external__find (&path, plan->hypervisor_path, KEY, names, REMEDY, err);
  if (code < 0)
    return code;
  kata_error *cause = NULL;
  code = kata_external__output (&text, path, "--version", kata_deadline__within (INT64_MAX, WAIT_MS), &cause);
  if (code < 0)
    return kata_error__wrap (err, cause, KEY, KEY ": \"%s\" cannot be run", path);
  kata_external__parse_version (KATA_QEMU_VERSION_MIN, least);
  if (!g_str_has_prefix (text, "QEMU emulator version") || !kata_external__parse_version (text, version))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is no QEMU: it calls itself \"%.80s\"; %s", path, text,
                            REMEDY);
  if (version[0] < least[0] || (version[0] == least[0] && version[1] < least[1]))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is version %u.%u, " KATA_QEMU_VERSION_MIN " is needed",
                            path, version[0], version[1]);
  *program = g_steal_pointer (&path);
  return 0;
}

static void
probe_agent (kata_capabilities *caps)
{
  kata_auto_fd int fd = open ("/dev/vhost-vsock", O_RDWR | O_CLOEXEC);
  if (fd >= 0)
    kata_capabilities__grant (caps, KATA_CAP_VSOCK_VHOST);
  else
    kata_capabilities__lack (caps, KATA_CAP_VSOCK_VHOST, "/dev/vhost-vsock: %s; load the module vhost_vsock",
                             g_strerror (errno));
  kata_capabilities__lack (caps, KATA_CAP_VSOCK_HYBRID, "QEMU has no vsock over a unix socket");
  kata_capabilities__grant (caps, KATA_CAP_AGENT_SERIAL);
}

static void
probe_network (kata_capabilities *caps, const unsigned version[3])
{
  kata_auto_fd int fd = open ("/dev/vhost-net", O_RDWR | O_CLOEXEC);
  kata_capabilities__grant (caps, KATA_CAP_NET);
  if (fd >= 0)
    kata_capabilities__grant (caps, KATA_CAP_NET_VHOST);
  else
    kata_capabilities__lack (caps, KATA_CAP_NET_VHOST, "/dev/vhost-net: %s; load the module vhost_net",
                             g_strerror (errno));
  if (version[0] > 7 || (version[0] == 7 && version[1] >= 2))
    kata_capabilities__grant (caps, KATA_CAP_NET_STREAM);
  else
    kata_capabilities__lack (caps, KATA_CAP_NET_STREAM, "QEMU %u.%u has no -netdev stream; 7.2 is needed", version[0],
                             version[1]);
}

int
kata_qemu__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  unsigned version[3];
  if (kata_qemu__find (&program, version, plan, &error) < 0) {
    for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
      kata_capabilities__lack (caps, cap, "%s", kata_error_get_message (error));
    return 0;
  }
  g_strlcpy (caps->path, program, sizeof caps->path);
  snprintf (caps->version, sizeof caps->version, "%u.%u.%u", version[0], version[1], version[2]);
  caps->max_vcpus = 255; /* more need an interrupt remapper */
  caps->max_memory_mib = 1 << 20;
  kata_capabilities__grant (caps, KATA_CAP_RUN);
  kata_capabilities__probe_kvm (caps, false);
  kata_virtiofsd__probe (plan, caps);
  kata_capabilities__grant (caps, KATA_CAP_FS_SHARE_9P);
  probe_agent (caps);
  /* QEMU could do these; this adapter does not yet, and says so. */
  kata_capabilities__lack_absent (caps, "this version of libkata does not drive QEMU's");
  probe_network (caps, version);
  if (plan->machine_type != NULL && strcmp (plan->machine_type, "microvm") == 0)
    kata_capabilities__lack (caps, KATA_CAP_NET_HOTPLUG, "QEMU's machine microvm has no PCI; use q35");
  else
    kata_capabilities__grant (caps, KATA_CAP_NET_HOTPLUG);
  kata_capabilities__grant (caps, KATA_CAP_BLOCK);
  kata_capabilities__grant (caps, KATA_CAP_PAUSE);
  return 0;
}
