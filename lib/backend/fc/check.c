/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: what a plan may ask of Firecracker; each refusal names its key. */
#include "backend/fc/check.h"

#include <string.h>

#include <glib.h>

#include "backend/device.h"
#include "base/error.h"

#define DRIVES_MAX 24
#define NICS_MAX   8
#define VCPUS_MAX  32

static bool
given (const char *text)
{
  return text != NULL && text[0] != '\0';
}

static int
unsupported (kata_error **err, const char *key, const char *why)
{
  return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: %s", key, why);
}

static int
check_boot (const kata_vm_plan *p, kata_error **err)
{
  if (!given (p->kernel) || p->kernel[0] != '/')
    return kata_error__set (err, KATA_E_GUEST, "hypervisor.fc.kernel",
                            "hypervisor.fc.kernel: no guest kernel; build the guest image or set the key");
  if (!given (p->initrd) && !given (p->image))
    return kata_error__set (
        err, KATA_E_GUEST, "hypervisor.fc.initrd",
        "hypervisor.fc.initrd: neither initrd nor image; build the guest image or set one of the keys");
  if (given (p->firmware))
    return unsupported (err, "hypervisor.fc.firmware", "Firecracker starts a kernel, no firmware; remove the key");
  return 0;
}

/* Keys of other machines' than this one. */
static int
check_keys (const kata_vm_plan *p, kata_error **err)
{
  const struct {
    bool wrong;
    const char *key, *why;
  } rules[] = {
    { given (p->machine_type), "hypervisor.fc.machine_type", "Firecracker has one machine; remove the key" },
    { given (p->machine_accelerators), "hypervisor.fc.machine_accelerators",
      "Firecracker has no such option; remove it" },
    { given (p->cpu_features), "hypervisor.fc.cpu_features",
      "Firecracker takes CPU templates, which libkata does not write; remove the key" },
    { p->prealloc != 0, "hypervisor.fc.enable_mem_prealloc",
      "Firecracker cannot populate memory beforehand; remove the key" },
    { p->share_kind != KATA_SHARE_NONE, "hypervisor.fc.shared_fs",
      "Firecracker shares no directories; directories are packed into a disk" },
    { p->block_aio == 1, "hypervisor.fc.block_device_aio", "Firecracker has \"threads\" and \"io_uring\"" },
    { p->block_cache_direct != 0, "hypervisor.fc.block_device_cache_direct",
      "Firecracker always goes through the host's page cache; remove the key" },
    { p->block_queues > 1, "hypervisor.fc.num_queues", "Firecracker's disks have one queue; remove the key" },
    { p->block_queue_size != 0, "hypervisor.fc.queue_size", "Firecracker's queues have a fixed size; remove the key" },
    { !kata_device__is_host_kernel (p->entropy_source), "hypervisor.fc.entropy_source",
      "Firecracker takes random numbers from the host's kernel; use \"/dev/urandom\"" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rules[i].wrong)
      return unsupported (err, rules[i].key, rules[i].why);
  return 0;
}

/* A second drive of one id would take the first one's place, without a word. One that comes later has its place's. */
static int
check_id (const kata_vm_disk *disk, kata_error **err)
{
  if (disk->port != 0 || (!g_str_has_prefix (disk->id, "place-") && strcmp (disk->id, "kata-image") != 0))
    return 0;
  return kata_error__set (err, KATA_E_INVALID, disk->id,
                          "disk \"%s\": for fc \"kata-image\" and ids that begin with \"place-\" are libkata's own; "
                          "choose another",
                          disk->id);
}

static int
check_disks (const kata_vm_plan *p, kata_error **err)
{
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++) {
    int code = kata_device__check_disk (p->disks[i], err);
    if (code == 0)
      code = check_id (p->disks[i], err);
    if (code < 0)
      return code;
    if (i >= DRIVES_MAX)
      return kata_error__set (err, KATA_E_LIMIT, p->disks[i]->id, "disk \"%s\": fc is given at most %d disks",
                              p->disks[i]->id, DRIVES_MAX);
  }
  return 0;
}

static int
check_nics (const kata_vm_plan *p, kata_error **err)
{
  for (size_t i = 0; p->nics != NULL && p->nics[i] != NULL; i++) {
    const kata_vm_nic *nic = p->nics[i];
    int code = kata_device__check_nic (nic, err);
    if (code < 0)
      return code;
    if (i >= NICS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, nic->name, "network device \"%s\": fc is given at most %d", nic->name,
                              NICS_MAX);
    if (nic->kind != KATA_NIC_TAP || nic->vhost || nic->queues != 1 || !given (nic->device))
      return kata_error__set (err, KATA_E_UNSUPPORTED, nic->name,
                              "network device \"%s\": Firecracker takes taps of one queue, by name, and moves their "
                              "frames itself",
                              nic->name);
  }
  return 0;
}

static size_t
length (const void *const *list)
{
  size_t n = 0;
  while (list != NULL && list[n] != NULL)
    n++;
  return n;
}

static size_t
count_disks (const kata_vm_plan *p)
{
  size_t n = given (p->image) && !given (p->initrd);
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++)
    n += p->disks[i]->port == 0;
  return n;
}

/* Without the places for later disks. */
static size_t
count_devices (const kata_vm_plan *p)
{
  return count_disks (p) + length ((const void *const *) p->nics) + 1 + given (p->entropy_source) +
         (p->memory_reporting != 0) + (kata_fc__room_mib (p) != 0);
}

uint64_t
kata_fc__room_mib (const kata_vm_plan *p)
{
  return p->max_memory_mib - MIN (p->max_memory_mib, p->memory_mib);
}

uint32_t
kata_fc__places (const kata_vm_plan *p)
{
  size_t n = count_devices (p);
  return n < KATA_FC_DEVICES_MAX ? MIN (p->disk_ports, KATA_FC_DEVICES_MAX - (uint32_t) n) : 0;
}

/* Firecracker itself finds it out when the guest is to start, and its words name no key. */
static int
check_devices (const kata_vm_plan *p, kata_error **err)
{
  size_t disks = count_disks (p), n = count_devices (p);
  if (n <= KATA_FC_DEVICES_MAX)
    return 0;
  return kata_error__set (err, KATA_E_LIMIT, "hypervisor.fc.packed_containers",
                          "hypervisor.fc.packed_containers: %zu devices, of them %zu disks (those for packed "
                          "directories too); Firecracker's guests have at most %u; lower the key, or give fewer disks",
                          n, disks, KATA_FC_DEVICES_MAX);
}

int
kata_fc__check (const kata_vm_plan *p, kata_error **err)
{
  int code = check_boot (p, err);
  if (code == 0)
    code = check_keys (p, err);
  if (code == 0 && (p->vcpus == 0 || p->memory_mib == 0))
    code = kata_error__set (err, KATA_E_INVALID, "vcpus", "fc: a guest needs at least one vCPU and some memory");
  if (code == 0 && p->vcpus > VCPUS_MAX)
    code = kata_error__set (err, KATA_E_LIMIT, "vcpus", "vcpus: %u; Firecracker's guests have at most %d", p->vcpus,
                            VCPUS_MAX);
  if (code == 0 && p->agent_kind != KATA_AGENT_HYBRID)
    code = kata_error__set (err, KATA_E_UNSUPPORTED, "agent_kind",
                            "fc: the agent is reached over Firecracker's vsock only");
  if (code == 0)
    code = check_disks (p, err);
  if (code == 0)
    code = check_nics (p, err);
  return code == 0 ? check_devices (p, err) : code;
}
