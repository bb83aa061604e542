/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config: writes VmConfig member by member. */
#include "backend/clh/config.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "backend/clh/vfio.h"
#include "backend/device.h"
#include "base/error.h"
#include "base/json-write.h"

#define DISKS_MAX 16
#define NICS_MAX  8
#define GUEST_CID 3u
#define REFILL_MS 1000
#define LANDLOCK  "landlock"
/* virtio-fs: what Cloud Hypervisor takes when it is told nothing. */
#define FS_QUEUE_SIZE 1024

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
    return kata_error__set (err, KATA_E_GUEST, "hypervisor.clh.kernel",
                            "hypervisor.clh.kernel: no guest kernel; build the guest image or set the key");
  if (!given (p->initrd) && !given (p->image))
    return kata_error__set (
        err, KATA_E_GUEST, "hypervisor.clh.initrd",
        "hypervisor.clh.initrd: neither initrd nor image; build the guest image or set one of the keys");
  if (given (p->firmware))
    return unsupported (err, "hypervisor.clh.firmware", "Cloud Hypervisor starts a kernel or a firmware, not both");
  return 0;
}

/* Of its jail one layer can be missing. A name that is passed over is a layer that its author believes to be off. */
static int
check_jail (const kata_vm_plan *p, kata_error **err)
{
  for (size_t i = 0; p->confine_waive != NULL && p->confine_waive[i] != NULL; i++)
    if (strcmp (p->confine_waive[i], LANDLOCK) != 0)
      return kata_error__set (
          err, KATA_E_CONFIG, "hypervisor.clh.confine_waive",
          "hypervisor.clh.confine_waive: \"%.40s\" is no layer that Cloud Hypervisor can be without; "
          "\"" LANDLOCK "\" is, and its seccomp filter goes by disable_seccomp",
          p->confine_waive[i]);
  return 0;
}

static int
check_plan (const kata_vm_plan *p, kata_error **err)
{
  int code = check_boot (p, err);
  if (code == 0)
    code = check_jail (p, err);
  if (code < 0)
    return code;
  if (p->vcpus == 0 || p->memory_mib == 0)
    return kata_error__set (err, KATA_E_INVALID, "vcpus", "clh: a guest needs at least one vCPU and some memory");
  if (given (p->machine_type))
    return unsupported (err, "hypervisor.clh.machine_type", "Cloud Hypervisor has one machine; remove the key");
  if (given (p->machine_accelerators))
    return unsupported (err, "hypervisor.clh.machine_accelerators", "Cloud Hypervisor has no such option; remove it");
  if (given (p->cpu_features))
    return unsupported (err, "hypervisor.clh.cpu_features", "Cloud Hypervisor gives the host's CPU; remove the key");
  if (p->share_kind == KATA_SHARE_9P)
    return unsupported (err, "hypervisor.clh.shared_fs", "Cloud Hypervisor has no 9p; use virtio-fs");
  if (p->share_kind == KATA_SHARE_VIRTIOFS && p->virtiofs_cache_mib > 0)
    return unsupported (err, "hypervisor.clh.virtio_fs_cache_size", "Cloud Hypervisor has no DAX window; set it to 0");
  if (p->agent_kind != KATA_AGENT_HYBRID)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "agent_kind", "clh: the agent is reached over its vsock only");
  return 0;
}

/*
 * hotplug_size is address space. What comes by ACPI comes by 128 MiB, so one lies behind the other without gaps, from 4 GiB on or the next 128 MiB behind
 * the memory of the start, which the VMM rounds up to itself: no more is needed than what may come in all. virtio-mem's region is mapped at once.
 */
static void
write_later_memory (struct kata_json_writer *w, const kata_vm_plan *p)
{
  if (p->max_memory_mib <= p->memory_mib)
    return;
  kata_json_write__string (w, "hotplug_method", p->virtio_mem ? "VirtioMem" : "Acpi");
  kata_json_write__uint (w, "hotplug_size", (p->max_memory_mib - p->memory_mib) << 20);
}

static void
write_size (struct kata_json_writer *w, const kata_vm_plan *p)
{
  kata_json_write__begin_object (w, "cpus");
  kata_json_write__uint (w, "boot_vcpus", p->vcpus);
  kata_json_write__uint (w, "max_vcpus", p->max_vcpus > p->vcpus ? p->max_vcpus : p->vcpus);
  kata_json_write__end_object (w);
  kata_json_write__begin_object (w, "memory");
  kata_json_write__uint (w, "size", p->memory_mib << 20);
  write_later_memory (w, p);
  kata_json_write__bool (w, "shared", p->share_kind == KATA_SHARE_VIRTIOFS || p->memory_shared != 0);
  kata_json_write__bool (w, "hugepages", p->hugepages != 0);
  kata_json_write__bool (w, "prefault", p->prealloc != 0);
  kata_json_write__end_object (w);
}

static void
write_payload (struct kata_json_writer *w, const kata_vm_plan *p)
{
  g_autoptr (GString) words = g_string_new ("console=ttyS0");
  if (!given (p->initrd))
    g_string_append_printf (words, " root=/dev/vda%s ro rootfstype=%s", p->image_partition != 0 ? "1" : "",
                            given (p->image_fstype) ? p->image_fstype : "ext4");
  if (given (p->cmdline))
    g_string_append_printf (words, " %s", p->cmdline);
  kata_json_write__begin_object (w, "payload");
  kata_json_write__string (w, "kernel", p->kernel);
  if (given (p->initrd))
    kata_json_write__string (w, "initramfs", p->initrd);
  kata_json_write__string (w, "cmdline", words->str);
  kata_json_write__end_object (w);
}

static void
write_bucket (struct kata_json_writer *w, const char *name, uint64_t rate, uint64_t once)
{
  if (rate == 0)
    return;
  kata_json_write__begin_object (w, name);
  kata_json_write__uint (w, "size", rate);
  kata_json_write__uint (w, "one_time_burst", once);
  kata_json_write__uint (w, "refill_time", REFILL_MS);
  kata_json_write__end_object (w);
}

static void
write_limits (struct kata_json_writer *w, const struct kata_clh_limits *limits)
{
  if (limits->bytes == 0 && limits->ops == 0)
    return;
  kata_json_write__begin_object (w, "rate_limiter_config");
  write_bucket (w, "bandwidth", limits->bytes, limits->bytes_once);
  write_bucket (w, "ops", limits->ops, limits->ops_once);
  kata_json_write__end_object (w);
}

struct kata_clh_disks
kata_clh__disks (const kata_vm_plan *p)
{
  return (struct kata_clh_disks){ p->block_cache_direct,
                                  p->block_queues,
                                  p->block_queue_size,
                                  { p->disk_bytes, p->disk_bytes_once, p->disk_ops, p->disk_ops_once } };
}

/* The format is said, never probed: a guest could write another format's header into its disk. */
static void
write_disk (struct kata_json_writer *w, const struct kata_clh_disks *all, const char *id, const char *serial,
            const char *path, bool readonly)
{
  kata_json_write__begin_object (w, NULL);
  kata_json_write__string (w, "id", id);
  kata_json_write__string (w, "serial", serial);
  kata_json_write__string (w, "path", path);
  kata_json_write__string (w, "image_type", "Raw");
  kata_json_write__bool (w, "readonly", readonly);
  kata_json_write__bool (w, "direct", all->direct != 0);
  if (all->queues != 0)
    kata_json_write__uint (w, "num_queues", all->queues);
  if (all->queue_size != 0)
    kata_json_write__uint (w, "queue_size", all->queue_size);
  write_limits (w, &all->limits);
  kata_json_write__end_object (w);
}

/* Of a server's disk the server decides everything but the queues. */
static void
write_vhost_disk (struct kata_json_writer *w, const struct kata_clh_disks *all, const char *id, const char *socket)
{
  kata_json_write__begin_object (w, NULL);
  kata_json_write__string (w, "id", id);
  kata_json_write__bool (w, "vhost_user", true);
  kata_json_write__string (w, "vhost_socket", socket);
  if (all->queues != 0)
    kata_json_write__uint (w, "num_queues", all->queues);
  if (all->queue_size != 0)
    kata_json_write__uint (w, "queue_size", all->queue_size);
  kata_json_write__end_object (w);
}

/* All of its devices' ids are in one space: a disk under a later one's would be the one that is removed for it. */
static int
check_id (const char *id, kata_error **err)
{
  static const char *const numbered[] = { "net", "port", "host", "host-late", "disk-port" };
  bool taken = strcmp (id, "share") == 0;
  for (size_t i = 0; !taken && i < G_N_ELEMENTS (numbered); i++) {
    const char *rest = g_str_has_prefix (id, numbered[i]) ? id + strlen (numbered[i]) : "";
    taken = rest[0] != '\0' && rest[strspn (rest, "0123456789")] == '\0';
  }
  if (!taken)
    return 0;
  return kata_error__set (err, KATA_E_INVALID, id,
                          "disk \"%s\": for clh \"share\", and \"net\", \"port\", \"host\", \"host-late\" and "
                          "\"disk-port\" with a number, are libkata's own; choose another",
                          id);
}

static int
write_disks (struct kata_json_writer *w, const kata_vm_plan *p, kata_error **err)
{
  bool image = given (p->image) && !given (p->initrd);
  if (!image && (p->disks == NULL || p->disks[0] == NULL))
    return 0;
  const struct kata_clh_disks all = kata_clh__disks (p);
  kata_json_write__begin_array (w, "disks");
  if (image)
    write_disk (w, &all, "kata-image", "kata-image", p->image, true);
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++) {
    const kata_vm_disk *disk = p->disks[i];
    int code = kata_device__check_disk (disk, err);
    if (code == 0)
      code = check_id (disk->id, err);
    if (code < 0)
      return code;
    if (i >= DISKS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, disk->id, "disk \"%s\": clh is given at most %d disks", disk->id,
                              DISKS_MAX);
    if (disk->vhost_user != 0)
      write_vhost_disk (w, &all, disk->id, disk->path);
    else
      write_disk (w, &all, disk->id, disk->id, disk->path, disk->readonly != 0);
  }
  kata_json_write__end_array (w);
  return 0;
}

static void
write_share (struct kata_json_writer *w, const kata_vm_plan *p)
{
  if (p->share_kind != KATA_SHARE_VIRTIOFS)
    return;
  kata_json_write__begin_array (w, "fs");
  kata_json_write__begin_object (w, NULL);
  kata_json_write__string (w, "id", "share");
  kata_json_write__string (w, "tag", given (p->share_tag) ? p->share_tag : "kataShared");
  kata_json_write__string (w, "socket", "./virtiofsd.sock");
  kata_json_write__uint (w, "num_queues", 1);
  kata_json_write__uint (w, "queue_size", p->virtiofs_queue_size > 0 ? p->virtiofs_queue_size : FS_QUEUE_SIZE);
  kata_json_write__end_object (w);
  kata_json_write__end_array (w);
}

/* Sockets are named with a folder: Landlock lets the VMM make them by a rule about what is before the last slash. */
static void
write_rest (struct kata_json_writer *w, const kata_vm_plan *p)
{
  if (given (p->entropy_source)) {
    kata_json_write__begin_object (w, "rng");
    kata_json_write__string (w, "src", p->entropy_source);
    kata_json_write__end_object (w);
  }
  if (p->memory_reporting) {
    kata_json_write__begin_object (w, "balloon");
    kata_json_write__uint (w, "size", 0);
    kata_json_write__bool (w, "deflate_on_oom", true);
    kata_json_write__bool (w, "free_page_reporting", true);
    kata_json_write__end_object (w);
  }
  kata_json_write__begin_object (w, "serial");
  kata_json_write__string (w, "mode", "File");
  kata_json_write__string (w, "file", "./" KATA_CLH_CONSOLE_LOG);
  kata_json_write__end_object (w);
  kata_json_write__begin_object (w, "console");
  kata_json_write__string (w, "mode", "Off");
  kata_json_write__end_object (w);
  kata_json_write__begin_object (w, "vsock");
  kata_json_write__string (w, "id", "vsock");
  kata_json_write__uint (w, "cid", GUEST_CID);
  kata_json_write__string (w, "socket", "./" KATA_CLH_VSOCK_SOCKET);
  kata_json_write__end_object (w);
  kata_json_write__bool (w, "pvpanic", true); /* a guest with its driver tells of a panic at once */
  kata_json_write__bool (w, "landlock_enable",
                         p->confine_waive == NULL || p->confine_waive[0] == NULL); /* check_jail() */
}

/* What the VMM may open besides what it is told of otherwise. */
static void
write_rules (struct kata_json_writer *w, const kata_vm_plan *p)
{
  kata_json_write__begin_array (w, "landlock_rules");
  g_autofree char *ports = g_strdup_printf ("%s/" KATA_CLH_PORTS_DIR, p->dir);
  kata_clh__write_rule (w, ports, "rw"); /* disks that come later, and snapshots */
  kata_clh__write_host_rules (w, p);
  kata_json_write__end_array (w);
}

int
kata_clh__vm_config (char **json, const kata_vm_plan *p, kata_error **err)
{
  struct kata_json_writer w;
  int code = check_plan (p, err);
  if (code < 0)
    return code;
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  write_size (&w, p);
  write_payload (&w, p);
  code = write_disks (&w, p, err);
  if (code == 0)
    code = kata_clh__write_host_devices (&w, p, err);
  if (code < 0) {
    kata_json_write__clear (&w);
    return code;
  }
  write_share (&w, p);
  write_rest (&w, p);
  write_rules (&w, p);
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}

char *
kata_clh__disk_id (const kata_vm_disk *disk)
{
  return g_strdup_printf ("disk-port%u", (unsigned) disk->port);
}

int
kata_clh__late_disk_config (char **json, const kata_vm_disk *disk, const char *path, const struct kata_clh_disks *disks,
                            kata_error **err)
{
  struct kata_json_writer w;
  int code = kata_device__check_disk (disk, err);
  if (code < 0)
    return code;
  if (disk->port == 0 || disk->port > KATA_CLH_PORTS_MAX)
    return kata_error__set (err, KATA_E_INVALID, disk->id, "disk \"%s\": its port is wrong", disk->id);
  g_autofree char *id = kata_clh__disk_id (disk);
  kata_json_write__init (&w, false);
  if (disk->vhost_user != 0)
    write_vhost_disk (&w, disks, id, disk->path);
  else
    write_disk (&w, disks, id, disk->id, path, disk->readonly != 0);
  *json = kata_json_write__finish (&w);
  return 0;
}

char *
kata_clh__nic_id (const kata_vm_nic *nic, size_t n)
{
  return nic->port != 0 ? g_strdup_printf ("port%u", nic->port) : g_strdup_printf ("net%zu", n);
}

struct kata_clh_limits
kata_clh__net_limits (const kata_vm_plan *p)
{
  return (struct kata_clh_limits){ p->nic_bytes, p->nic_bytes_once, p->nic_ops, p->nic_ops_once };
}

static int
net_config (char **json, const kata_vm_nic *nic, size_t n, const struct kata_clh_limits *limits, kata_error **err)
{
  struct kata_json_writer w;
  int code = kata_device__check_nic (nic, err);
  if (code < 0)
    return code;
  bool server = nic->kind == KATA_NIC_VHOST_USER;
  if ((nic->kind != KATA_NIC_TAP && !server) || nic->vhost)
    return kata_error__set (
        err, KATA_E_UNSUPPORTED, nic->name,
        "network device \"%s\": Cloud Hypervisor takes taps and vhost-user servers, and moves taps' "
        "frames itself",
        nic->name);
  g_autofree char *id = kata_clh__nic_id (nic, n);
  kata_json_write__init (&w, false);
  kata_json_write__begin_object (&w, NULL);
  kata_json_write__string (&w, "id", id);
  kata_json_write__string (&w, "mac", nic->mac);
  if (nic->mtu != 0)
    kata_json_write__uint (&w, "mtu", nic->mtu);
  kata_json_write__uint (&w, "num_queues", 2 * nic->queues); /* it counts both directions */
  if (server) {
    kata_json_write__bool (&w, "vhost_user", true);
    kata_json_write__string (&w, "vhost_socket", nic->socket);
    kata_json_write__string (&w, "vhost_mode", "Client");
    if (nic->queue_size != 0)
      kata_json_write__uint (&w, "queue_size", nic->queue_size);
  } else {
    write_limits (&w, limits);
  }
  kata_json_write__end_object (&w);
  *json = kata_json_write__finish (&w);
  return 0;
}

int
kata_clh__net_config (char **json, const kata_vm_plan *p, size_t n, kata_error **err)
{
  const kata_vm_nic *nic = p->nics[n];
  if (n >= NICS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, nic->name, "network device \"%s\": clh is given at most %d", nic->name,
                            NICS_MAX);
  const struct kata_clh_limits limits = kata_clh__net_limits (p);
  return net_config (json, nic, n, &limits, err);
}

int
kata_clh__late_net_config (char **json, const kata_vm_nic *nic, const struct kata_clh_limits *limits, kata_error **err)
{
  if (nic->port == 0)
    return kata_error__set (err, KATA_E_INVALID, nic->name, "network device \"%s\": it has no port", nic->name);
  return net_config (json, nic, 0, limits, err);
}

int
kata_clh__argv (char ***out, const kata_vm_plan *p, const char *program, kata_error **err)
{
  bool off = given (p->seccomp_sandbox) && strcmp (p->seccomp_sandbox, "off") == 0;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, g_strdup (program));
  g_ptr_array_add (argv, g_strdup ("--api-socket"));
  g_ptr_array_add (argv, g_strdup ("path=" KATA_CLH_API_SOCKET));
  g_ptr_array_add (argv, g_strdup ("--seccomp"));
  g_ptr_array_add (argv, g_strdup (off ? "false" : "true"));
  g_ptr_array_add (argv, g_strdup ("--event-monitor"));
  g_ptr_array_add (argv, g_strdup_printf ("fd=%d", KATA_CLH_EVENTS_FD));
  if (p->debug)
    g_ptr_array_add (argv, g_strdup ("-v"));
  g_ptr_array_add (argv, NULL);
  *out = (char **) g_ptr_array_steal (argv, NULL);
  return 0;
}
