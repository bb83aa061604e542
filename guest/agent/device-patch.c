/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device-patch: host numbers to guest numbers, for block devices. */
#include "device-patch.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device.h"
#include "mem.h"

#define DEVICES_MAX 64

static int
patch_one (const Grpc__Linux *linux_, const Grpc__Device *device, dev_t number, struct fault *fault)
{
  const Grpc__LinuxResources *resources = linux_->resources;
  for (size_t i = 0; i < linux_->n_devices; i++) {
    Grpc__LinuxDevice *entry = linux_->devices[i];
    if (!text_is (entry->path, device->container_path))
      continue;
    for (size_t k = 0; resources && k < resources->n_devices; k++) {
      Grpc__LinuxDeviceCgroup *rule = resources->devices[k];
      if (text_is (rule->type, "b") && rule->major == entry->major && rule->minor == entry->minor) {
        rule->major = major (number);
        rule->minor = minor (number);
      }
    }
    entry->major = major (number);
    entry->minor = minor (number);
    return 0;
  }
  return fault_set (fault, TTRPC_INVALID_ARGUMENT, "device \"%.200s\" is not in linux.devices", device->container_path);
}

int
device_patch (struct agent *agent, const Grpc__CreateContainerRequest *request, struct fault *fault)
{
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
    if (patch_one (request->oci->linux, device, st.st_rdev, fault) < 0)
      return -1;
  }
  return 0;
}
