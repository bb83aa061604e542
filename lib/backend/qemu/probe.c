/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what QEMU can do on this host; runs `qemu --version`, for other machines `qemu -machine help`, and `virtiofsd --version`, nothing else. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backend/capability.h"
#include "backend/external.h"
#include "backend/qemu/kernel.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "base/fd.h"

#define KEY "hypervisor.qemu.path"

static bool
is_hosts (const kata_qemu_machine *machine)
{
  struct utsname host;
  return uname (&host) == 0 && strcmp (host.machine, machine->arch) == 0;
}

int
kata_qemu__find (char **program, unsigned version[3], const kata_qemu_machine **machine, const kata_vm_plan *plan,
                 kata_error **err)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  unsigned least[3];
  int code = kata_qemu__machine (machine, plan, err);
  if (code < 0)
    return code;
  /* The second is Red Hat's, for the host's architecture. */
  const char *const names[] = { (*machine)->program, is_hosts (*machine) ? "/usr/libexec/qemu-kvm" : NULL, NULL };
  g_autofree char *remedy = g_strdup_printf ("install %s or set the key", (*machine)->package);
  code = kata_external__find (&path, plan->hypervisor_path, KEY, names, remedy, err);
  if (code < 0)
    return code;
  kata_error *cause = NULL;
  code = kata_external__output (&text, path, "--version", kata_deadline__within (INT64_MAX, KATA_EXTERNAL_VERSION_MS),
                                &cause);
  if (code < 0)
    return kata_error__wrap (err, cause, KEY, KEY ": \"%s\" cannot be run", path);
  kata_external__parse_version (KATA_QEMU_VERSION_MIN, least);
  if (!g_str_has_prefix (text, "QEMU emulator version") || !kata_external__parse_version (text, version))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is no QEMU: it calls itself \"%.80s\"; %s", path, text,
                            remedy);
  if (version[0] < least[0] || (version[0] == least[0] && version[1] < least[1]))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is version %u.%u, " KATA_QEMU_VERSION_MIN " is needed",
                            path, version[0], version[1]);
  *program = g_steal_pointer (&path);
  return 0;
}

/*
 * Is the machine one of this program's? A word at a line's start. Not asked of x86's own, which every QEMU for it has: a start of a guest would wait
 * for it.
 */
static int
check_machine (const char *program, const kata_qemu_machine *machine, kata_error **err)
{
  static const char *const args[] = { "-machine", "help", NULL };
  g_autofree char *text = NULL;
  if (strcmp (machine->arch, "x86_64") == 0)
    return 0;
  int code =
      kata_external__output_of (&text, program, args, kata_deadline__within (INT64_MAX, KATA_EXTERNAL_VERSION_MS), err);
  if (code < 0)
    return code;
  g_autofree char *line = g_strdup_printf ("\n%s", text), *word = g_strdup_printf ("\n%s ", machine->type);
  if (strstr (line, word) == NULL)
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" has no machine \"%s\"; install %s or set the key",
                            program, machine->type, machine->package);
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

static void
probe_vfio (kata_capabilities *caps, const kata_qemu_machine *machine)
{
  if (machine->root_ports)
    kata_capabilities__probe_vfio (caps);
  else
    kata_capabilities__lack (caps, KATA_CAP_VFIO, "QEMU's machine %s has no PCI Express ports", machine->type);
}

static void
probe_hotplug (kata_capabilities *caps, const kata_qemu_machine *machine)
{
  static const int hotplug[] = { KATA_CAP_NET_HOTPLUG, KATA_CAP_BLOCK_HOTPLUG, KATA_CAP_VFIO_HOTPLUG };
  for (size_t i = 0; i < G_N_ELEMENTS (hotplug); i++)
    if (machine->root_ports)
      kata_capabilities__grant (caps, hotplug[i]);
    else
      kata_capabilities__lack (caps, hotplug[i], "QEMU's machine %s has no PCI Express ports", machine->type);
}

int
kata_qemu__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_autofree char *program = NULL;
  g_autoptr (kata_error) error = NULL;
  unsigned version[3];
  const kata_qemu_machine *machine = NULL;
  if (kata_qemu__find (&program, version, &machine, plan, &error) < 0 || check_machine (program, machine, &error) < 0) {
    for (int cap = 0; cap < KATA_CAP_COUNT; cap++)
      kata_capabilities__lack (caps, cap, "%s", kata_error_get_message (error));
    return 0;
  }
  g_strlcpy (caps->path, program, sizeof caps->path);
  snprintf (caps->version, sizeof caps->version, "%u.%u.%u", version[0], version[1], version[2]);
  caps->max_vcpus = machine->max_vcpus;
  caps->max_memory_mib = 1 << 20;
  if (kata_qemu__check_kernel (plan->kernel, machine->arch, &error) == 0)
    kata_capabilities__grant (caps, KATA_CAP_RUN);
  else
    kata_capabilities__lack (caps, KATA_CAP_RUN, "%s", kata_error_get_message (error));
  if (is_hosts (machine))
    kata_capabilities__probe_kvm (caps, false);
  else
    kata_capabilities__lack (caps, KATA_CAP_KVM, "%s is not the host's architecture, so it is emulated", machine->arch);
  kata_virtiofsd__probe ("qemu", plan, caps);
  kata_capabilities__grant (caps, KATA_CAP_FS_SHARE_9P);
  probe_agent (caps);
  /* QEMU could do these; this adapter does not yet, and says so. */
  kata_capabilities__lack_absent (caps, "this version of libkata does not drive QEMU's");
  g_autofree char *no_secrets =
      strcmp (machine->type, "q35") == 0
          ? kata_qemu__lacks_confidential ("", version)
          : g_strdup_printf ("QEMU's confidential guests are for the machine q35, this one is %s", machine->type);
  if (no_secrets == NULL)
    kata_capabilities__grant (caps, KATA_CAP_CONFIDENTIAL);
  else
    kata_capabilities__lack (caps, KATA_CAP_CONFIDENTIAL, "%s", no_secrets);
  probe_network (caps, version);
  probe_hotplug (caps, machine);
  probe_vfio (caps, machine);
  for (int cap = KATA_CAP_CPU_RESIZE; cap <= KATA_CAP_MEMORY_RESIZE; cap++)
    if (machine->resizes)
      kata_capabilities__grant (caps, cap);
    else
      kata_capabilities__lack (caps, cap, "libkata resizes QEMU's machine q35 only, not %s (%s)", machine->type,
                               machine->arch);
  kata_capabilities__grant (caps, KATA_CAP_BLOCK);
  kata_capabilities__grant (caps, KATA_CAP_PAUSE);
  if (strcmp (machine->bus, "pci") == 0) /* by which the guest finds such a disk */
    kata_capabilities__grant (caps, KATA_CAP_VHOST_USER);
  else
    kata_capabilities__lack (caps, KATA_CAP_VHOST_USER, "QEMU's machine %s has no PCI", machine->type);
  return 0;
}
