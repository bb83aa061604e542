/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resources: devices and limits as they can be in the guest, whose numbers are not the host's. */
#include <string.h>

#include "host/pci.h"
#include "plan/block.h"
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

/* The agent puts the guest's number in its place. */
static bool
is_given (const struct kata_oci_device_rule *rule, const kata_container_plan *given)
{
  for (size_t i = 0; given != NULL && i < given->n_blocks; i++)
    if (given->blocks[i].listed && rule->minor.have && rule->major.value == given->blocks[i].major &&
        rule->minor.value == given->blocks[i].minor)
      return true;
  return false;
}

/* Numbers of character devices are the same on every Linux; those of block devices are not. */
static void
edit_rules (kata_oci_resources *resources, const kata_container_plan *given, GPtrArray *warnings)
{
  size_t kept = 0;
  for (size_t i = 0; i < resources->n_devices; i++) {
    const struct kata_oci_device_rule *rule = &resources->devices[i];
    bool host_only =
        g_strcmp0 (rule->type, "b") == 0 && rule->major.have && rule->major.value > 0 && !is_given (rule, given);
    warn (warnings, host_only && rule->allow, "devices", "a rule for a block device of the host has no effect");
    if (!host_only)
      resources->devices[kept++] = *rule;
  }
  resources->n_devices = kept;
}

void
kata_plan__edit_resources (kata_oci_resources *resources, const kata_container_plan *given, GPtrArray *warnings)
{
  edit_memory (&resources->memory, warnings);
  edit_cpu (&resources->cpu, warnings);
  edit_rules (resources, given, warnings);
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

/* Rules that name it and give no "w": then its disk takes no writes either. One that gives all devices gives this one. */
static bool
is_readonly (const kata_oci_resources *resources, const struct kata_oci_device *device)
{
  bool named = false;
  for (size_t i = 0; i < resources->n_devices; i++) {
    const struct kata_oci_device_rule *rule = &resources->devices[i];
    bool any = rule->type == NULL || strcmp (rule->type, "a") == 0;
    bool major = !rule->major.have || rule->major.value < 0 || rule->major.value == device->major;
    bool minor = !rule->minor.have || rule->minor.value < 0 || rule->minor.value == device->minor;
    if (!rule->allow || !major || !minor || (!any && strcmp (rule->type, "b") != 0))
      continue;
    if (rule->access == NULL || strchr (rule->access, 'w') != NULL)
      return false;
    named = named || strchr (rule->access, 'r') != NULL; /* not those for mknod alone */
  }
  return named;
}

static int
give_block (struct kata_plan_edit *e, const struct kata_oci_device *device, const char *key, kata_error **err)
{
  const struct kata_block_fact *fact = kata_plan__block_of (e, device->major, device->minor);
  if (fact == NULL)
    return kata_error__set (err, KATA_E_NOT_FOUND, key,
                            "%s: %.128s: the host has no block device %" G_GINT64_FORMAT ":%" G_GINT64_FORMAT, key,
                            device->path, device->major, device->minor);
  struct kata_block *block = NULL;
  int rc = kata_plan__take_block (&block, e, fact, is_readonly (&e->spec->linux_.resources, device), key, err);
  if (rc < 0)
    return rc;
  block->listed = true;
  e->out->devices[e->out->n_devices++] =
      (struct kata_guest_device){ .disk = block->id, .container_path = device->path };
  return 0;
}

static int
refuse_device (const struct kata_oci_device *device, size_t i, kata_error **err)
{
  g_autofree char *key = g_strdup_printf ("$.linux.devices[%zu]", i);
  if (g_str_has_prefix (device->path, "/dev/vfio/"))
    return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                            "%s: %.128s: the devices of this VFIO group are not in the virtual machine, and none can "
                            "come later; name it in the container that the sandbox is made for, or set hot_plug_vfio "
                            "(\"root-port\") in the hypervisor's table where the hypervisor has vfio-hotplug",
                            key, device->path);
  return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                          "%s: %.128s (%s %" G_GINT64_FORMAT ":%" G_GINT64_FORMAT
                          ") is a device of the host, which the guest does not have",
                          key, device->path, device->type, device->major, device->minor);
}

/* The file of a group whose devices come for this container, or came for another. */
static bool
take_group (struct kata_plan_edit *e, const struct kata_oci_device *device)
{
  if (e->plan->vm.host_ports == 0 || kata_pci__group_of_file (device->path) < 0)
    return false;
  if (e->out->host_groups == NULL || !g_strv_contains ((const char *const *) e->out->host_groups, device->path))
    e->out->host_groups = kata_arena__strv_add (e->out->arena, e->out->host_groups, device->path);
  return true;
}

int
kata_plan__edit_devices (struct kata_plan_edit *e, kata_error **err)
{
  struct kata_oci_linux *linux_ = &e->spec->linux_;
  struct kata_oci_device *kept = kata_arena__new0 (e->arena, struct kata_oci_device, linux_->n_devices);
  size_t n = 0;
  for (size_t i = 0; i < linux_->n_devices; i++) {
    const struct kata_oci_device *device = &linux_->devices[i];
    if (kata_plan__gives_group (e->plan, device->path))
      continue;
    if (take_group (e, device))
      continue;
    if (strcmp (device->type, "b") == 0) {
      g_autofree char *key = g_strdup_printf ("$.linux.devices[%zu]", i);
      int rc = give_block (e, device, key, err);
      if (rc < 0)
        return rc;
    } else if (!is_common_device (device)) {
      return refuse_device (device, i, err);
    }
    kept[n++] = *device;
  }
  linux_->devices = kept;
  linux_->n_devices = n;
  return 0;
}
