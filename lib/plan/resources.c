/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resources: devices and limits as they can be in the guest, whose numbers are not the host's. */
#include <string.h>

#include "plan/edit.h"

static void
warn (GPtrArray *warnings, bool there, const char *key, const char *why)
{
  if (there)
    g_ptr_array_add (warnings, g_strdup_printf ("$.linux.resources.%s: %s", key, why));
}

static void
edit_memory (struct kata_oci_memory *memory, GPtrArray *warnings)
{
  static const char cgroup2[] = "the guest has cgroup v2, which does not know it";
  warn (warnings, memory->kernel.have, "memory.kernel", cgroup2);
  warn (warnings, memory->kernel_tcp.have, "memory.kernelTCP", cgroup2);
  warn (warnings, memory->swappiness.have, "memory.swappiness", cgroup2);
  warn (warnings, memory->disable_oom_killer.value, "memory.disableOOMKiller", cgroup2);
  memory->kernel.have = memory->kernel_tcp.have = memory->swappiness.have = false;
  memory->disable_oom_killer.have = memory->disable_oom_killer.value = false;
  /* A guest without swap: every limit of it holds already, and its kernel may not know the file. The number is memory and swap together. */
  warn (warnings, memory->swap.have && memory->limit.have && memory->swap.value > memory->limit.value, "memory.swap",
        "a guest has no swap");
  memory->swap.have = false;
}

static void
edit_cpu (struct kata_oci_cpu *cpu, GPtrArray *warnings)
{
  static const char host[] = "means processors of the host; the guest has others";
  warn (warnings, cpu->cpus != NULL && cpu->cpus[0] != '\0', "cpu.cpus", host);
  warn (warnings, cpu->mems != NULL && cpu->mems[0] != '\0', "cpu.mems", host);
  cpu->cpus = cpu->mems = NULL;
  warn (warnings, cpu->realtime_runtime.value != 0 || cpu->realtime_period.value != 0, "cpu.realtimeRuntime",
        "the guest has cgroup v2, which does not know it");
  cpu->realtime_runtime.have = cpu->realtime_period.have = false;
  warn (warnings, cpu->burst.value != 0, "cpu.burst", "cannot be sent to the agent and has no effect");
  warn (warnings, cpu->idle.value != 0, "cpu.idle", "cannot be sent to the agent and has no effect");
}

/* Numbers of character devices are the same on every Linux; those of block devices are not. */
static void
edit_rules (kata_oci_resources *resources, GPtrArray *warnings)
{
  size_t kept = 0;
  for (size_t i = 0; i < resources->n_devices; i++) {
    const struct kata_oci_device_rule *rule = &resources->devices[i];
    bool host_only = g_strcmp0 (rule->type, "b") == 0 && rule->major.have && rule->major.value > 0;
    warn (warnings, host_only && rule->allow, "devices", "a rule for a block device of the host has no effect");
    if (!host_only)
      resources->devices[kept++] = *rule;
  }
  resources->n_devices = kept;
}

void
kata_plan__edit_resources (kata_oci_resources *resources, GPtrArray *warnings)
{
  edit_memory (&resources->memory, warnings);
  edit_cpu (&resources->cpu, warnings);
  edit_rules (resources, warnings);
  warn (warnings, resources->block_io.have, "blockIO", "means disks of the host; the guest has others");
  memset (&resources->block_io, 0, sizeof resources->block_io);
  warn (warnings, resources->n_hugepage_limits > 0, "hugepageLimits", "the guest has no huge pages to limit");
  resources->n_hugepage_limits = 0;
  warn (warnings, resources->network_class_id.value != 0 || resources->n_network_priorities > 0, "network",
        "the guest has cgroup v2, which does not know it");
  resources->network_class_id.have = false;
  resources->n_network_priorities = 0;
  warn (warnings, resources->n_unified > 0, "unified", "cannot be sent to the agent and has no effect");
  warn (warnings, resources->has_rdma, "rdma", "cannot be sent to the agent and has no effect");
}

/* Devices that every Linux has under the same number. */
static bool
is_common_device (const struct kata_oci_device *device)
{
  if (strcmp (device->type, "p") == 0)
    return true;
  if (strcmp (device->type, "b") == 0)
    return false;
  return device->major == 1 || device->major == 5 ||
         (device->major == 10 && (device->minor == 229 || device->minor == 200)); /* fuse, net/tun */
}

int
kata_plan__edit_devices (struct kata_plan_edit *e, kata_error **err)
{
  const struct kata_oci_linux *linux_ = &e->spec->linux_;
  for (size_t i = 0; i < linux_->n_devices; i++) {
    const struct kata_oci_device *device = &linux_->devices[i];
    if (is_common_device (device))
      continue;
    g_autofree char *key = g_strdup_printf ("$.linux.devices[%zu]", i);
    return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                            "%s: %.128s (%s %" G_GINT64_FORMAT ":%" G_GINT64_FORMAT
                            ") is a device of the host, which the guest does not have",
                            key, device->path, device->type, device->major, device->minor);
  }
  return 0;
}
