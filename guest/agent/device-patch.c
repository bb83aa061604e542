/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device-patch: host numbers to guest numbers, for block devices. */
#include "device-patch.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device.h"
#include "mem.h"

#define DEVICES_MAX 64

/* What linux.devices has of one device, and what it becomes. */
struct change {
  int64_t host_major, host_minor;
  dev_t number;
};

static int
patch_one (const Grpc__Linux *linux_, const Grpc__Device *device, struct change *change, struct fault *fault)
{
  for (size_t i = 0; i < linux_->n_devices; i++) {
    Grpc__LinuxDevice *entry = linux_->devices[i];
    if (!text_is (entry->path, device->container_path))
      continue;
    change->host_major = entry->major;
    change->host_minor = entry->minor;
    entry->major = major (change->number);
    entry->minor = minor (change->number);
    return 0;
  }
  return fault_set (fault, TTRPC_INVALID_ARGUMENT, "device \"%.200s\" is not in linux.devices", device->container_path);
}

/* Each rule once, by what the host called it: one device's number here may be another's there. */
static void
patch_rules (const Grpc__LinuxResources *resources, const struct change *changes, size_t count)
{
  for (size_t k = 0; resources && k < resources->n_devices; k++) {
    Grpc__LinuxDeviceCgroup *rule = resources->devices[k];
    for (size_t i = 0; text_is (rule->type, "b") && i < count; i++)
      if (rule->major == changes[i].host_major && rule->minor == changes[i].host_minor) {
        rule->major = major (changes[i].number);
        rule->minor = minor (changes[i].number);
        break;
      }
  }
}

int
device_patch (struct agent *agent, const Grpc__CreateContainerRequest *request, struct fault *fault)
{
  struct change changes[DEVICES_MAX];
  size_t count = 0;
  char node[128];
  struct stat st;
  if (request->n_devices > DEVICES_MAX)
    return fault_set (fault, TTRPC_INVALID_ARGUMENT, "more than %d devices", DEVICES_MAX);
  for (size_t i = 0; i < request->n_devices; i++) {
    const Grpc__Device *device = request->devices[i];
    const char *source = text_is (device->type, "blk") ? text_of (device->id) : text_of (device->vm_path);
    if (device_find_block (&agent->log, source, agent->options.hotplug_timeout, node, sizeof node, fault) < 0)
      return -1;
    if (!text_of (device->container_path)[0])
      continue; /* only waited for */
    if (stat (node, &st) < 0)
      return fault_errno (fault, "device %s", node);
    if (!request->oci->linux)
      return fault_set (fault, TTRPC_INVALID_ARGUMENT, "a device but no linux.devices");
    changes[count] = (struct change){ .number = st.st_rdev };
    if (patch_one (request->oci->linux, device, &changes[count++], fault) < 0)
      return -1;
  }
  if (count > 0)
    patch_rules (request->oci->linux->resources, changes, count);
  return 0;
}

static int
is_readonly (const Grpc__Storage *storage)
{
  for (size_t i = 0; i < storage->n_options; i++)
    if (text_is (storage->options[i], "ro"))
      return 1;
  return 0;
}

/* The message's own list grows; who frees it frees what was added. Without any rule every device is allowed, and a first one would change that. */
static void
allow (Grpc__Spec *spec, dev_t number, int readonly)
{
  Grpc__LinuxResources *resources = spec->linux ? spec->linux->resources : NULL;
  if (!resources || resources->n_devices == 0)
    return;
  Grpc__LinuxDeviceCgroup *rule = mem_zero (sizeof *rule), **list;
  grpc__linux_device_cgroup__init (rule);
  rule->allow = 1;
  rule->type = mem_text ("b");
  rule->major = major (number);
  rule->minor = minor (number);
  rule->access = mem_text (readonly ? "r" : "rw");
  list = mem_zero ((resources->n_devices + 1) * sizeof *list);
  for (size_t i = 0; i < resources->n_devices; i++)
    list[i] = resources->devices[i];
  list[resources->n_devices++] = rule;
  free (resources->devices);
  resources->devices = list;
}

void
device_allow_bound (const Grpc__CreateContainerRequest *request)
{
  struct stat st;
  for (size_t i = 0; i < request->n_storages; i++) {
    const Grpc__Storage *storage = request->storages[i];
    if ((text_is (storage->driver, "blk") || text_is (storage->driver, "mmioblk")) &&
        text_is (storage->fstype, "bind") && lstat (storage->mount_point, &st) == 0 && S_ISBLK (st.st_mode))
      allow (request->oci, st.st_rdev, is_readonly (storage));
  }
}
