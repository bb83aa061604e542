/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe: what Firecracker can do on this host; runs `firecracker --version`, nothing else. */
#include <stdio.h>
#include <unistd.h>

#include "backend/capability.h"
#include "backend/fc/vm.h"
#include "base/error.h"

#define KEY        "hypervisor.fc.path"
#define KEY_JAILER "hypervisor.fc.jailer_path"
#define REMEDY     "install firecracker or set the key"
#define VCPUS_MAX  32

int
kata_fc__find (char **program, unsigned version[3], const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "firecracker", NULL };
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
  if (!g_str_has_prefix (text, "Firecracker v") || !kata_external__parse_version (text, version))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is no Firecracker: it calls itself \"%.80s\"; %s",
                            path, text, REMEDY);
  const struct kata_fc_facts facts = { .version = { version[0], version[1], version[2] } };
  if (!kata_fc__at_least (&facts, KATA_FC_VERSION_MAJOR, KATA_FC_VERSION_MINOR))
    return kata_error__set (err, KATA_E_HOST, KEY, KEY ": \"%s\" is version %u.%u, %u.%u is needed", path, version[0],
                            version[1], KATA_FC_VERSION_MAJOR, KATA_FC_VERSION_MINOR);
  *program = g_steal_pointer (&path);
  return 0;
}

int
kata_fc__find_jailer (char **jailer, const kata_vm_plan *plan, kata_error **err)
{
  static const char *const names[] = { "jailer", NULL };
  *jailer = NULL;
  if (plan->jailer_path == NULL || plan->jailer_path[0] == '\0')
    return 0;
  int code = kata_external__find (jailer, plan->jailer_path, KEY_JAILER, names,
                                  "install the jailer that came with firecracker, or remove the key", err);
  if (code == 0 && geteuid () != 0) {
    g_clear_pointer (jailer, g_free);
    code = kata_error__set (err, KATA_E_PERMISSION, KEY_JAILER,
                            KEY_JAILER ": the jailer makes device nodes and a root directory, which needs root; "
                                       "remove the key to go without");
  }
  return code;
}

static void
probe_absent (kata_capabilities *caps)
{
  static const struct {
    int cap;
    const char *reason;
  } absent[] = {
    { KATA_CAP_FS_SHARE_VIRTIOFS, "Firecracker shares no directories; libkata packs them into a disk" },
    { KATA_CAP_FS_SHARE_9P, "Firecracker shares no directories; libkata packs them into a disk" },
    { KATA_CAP_NET_HOTPLUG, "Firecracker's hotplug is a developer preview that no guest is told of" },
    { KATA_CAP_VFIO, "Firecracker passes no devices through" },
    { KATA_CAP_VFIO_HOTPLUG, "Firecracker passes no devices through" },
    { KATA_CAP_CPU_RESIZE, "Firecracker's guests keep the vCPUs that they start with" },
    { KATA_CAP_VSOCK_VHOST, "Firecracker has a vsock of its own (hybrid)" },
    { KATA_CAP_AGENT_SERIAL, "Firecracker has no virtio-serial ports" },
    { KATA_CAP_CONFIDENTIAL, "Firecracker runs no confidential guests" },
    { KATA_CAP_NET_STREAM, "Firecracker's network devices need a tap" },
    { KATA_CAP_NET_VHOST, "Firecracker moves frames itself" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (absent); i++)
    kata_capabilities__lack (caps, absent[i].cap, "%s", absent[i].reason);
}

static void
grant (kata_capabilities *caps, const unsigned version[3], bool hugepages)
{
  const struct kata_fc_facts facts = { .version = { version[0], version[1], version[2] } };
  static const int there[] = { KATA_CAP_VSOCK_HYBRID,     KATA_CAP_BLOCK,
                               KATA_CAP_BLOCK_BY_ORDER,   KATA_CAP_BLOCK_HOTPLUG,
                               KATA_CAP_BLOCK_PORT_MODES, KATA_CAP_NET,
                               KATA_CAP_NET_BY_NAME,      KATA_CAP_PAUSE };
  for (size_t i = 0; i < G_N_ELEMENTS (there); i++)
    kata_capabilities__grant (caps, there[i]);
  if (kata_fc__at_least (&facts, 1, 14))
    kata_capabilities__grant (caps, KATA_CAP_MEMORY_RESIZE);
  else
    kata_capabilities__lack (caps, KATA_CAP_MEMORY_RESIZE, "Firecracker %u.%u has no virtio-mem; 1.14 has", version[0],
                             version[1]);
  if (hugepages)
    kata_capabilities__lack (caps, KATA_CAP_SNAPSHOT,
                             "Firecracker takes a guest's huge pages (enable_hugepages) from no file");
  else
    kata_capabilities__grant (caps, KATA_CAP_SNAPSHOT);
}

int
kata_fc__probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  g_autofree char *program = NULL, *jailer = NULL;
  g_autoptr (kata_error) error = NULL;
  unsigned version[3];
  if (kata_fc__find (&program, version, plan, &error) < 0 || kata_fc__find_jailer (&jailer, plan, &error) < 0) {
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
  probe_absent (caps);
  grant (caps, version, plan->hugepages != 0);
  return 0;
}
