/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: builds the command line part by part; options as StratoVirt's docs/config_guidebook.md has them. */
#include "backend/stratovirt/argv.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "backend/device.h"
#include "base/error.h"

#define KEY(name)     "hypervisor.stratovirt." name
#define VCPUS_MAX     254
#define MEMORY_MIN    128u
#define MEMORY_MAX    (512u << 10)
#define MMIO_MAX      11 /* devices of microvm on x86-64, the places for disks and network devices among them */
#define PCI_MAX       30 /* the host bridge and the LPC bridge have the first and the last place */
#define FS_QUEUE_SIZE 1024
#define BLOCK_QUEUES  32
#define HUGEPAGES     "/dev/hugepages"

/* What the parts share. */
struct builder {
  const kata_vm_plan *plan;
  GPtrArray *argv;
  bool pci;       /* q35 */
  unsigned slots; /* taken */
};

static void G_GNUC_PRINTF (3, 4) add (struct builder *b, const char *option, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (b->argv, g_strdup (option));
  g_ptr_array_add (b->argv, g_strdup_vprintf (format, args));
  va_end (args);
}

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

/* StratoVirt splits its options' values at commas and has no way to write one. */
static int
check_value (const char *key, const char *value, kata_error **err)
{
  if (!given (value) || strchr (value, ',') == NULL)
    return 0;
  return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%s\": StratoVirt takes no path with a comma in it", key,
                          value);
}

static int
check_machine (const kata_vm_plan *p, bool pci, kata_error **err)
{
  const char *type = p->machine_type;
  if (given (type) && !pci && strcmp (type, "microvm") != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, KEY ("machine_type"),
                            KEY ("machine_type") ": \"%s\" is not supported on this architecture; use microvm or q35",
                            type);
  if (given (p->machine_accelerators))
    return unsupported (err, KEY ("machine_accelerators"), "StratoVirt has no such options; remove the key");
  if (given (p->cpu_features))
    return unsupported (err, KEY ("cpu_features"), "StratoVirt gives the host's CPU; remove the key");
  if (pci && !given (p->firmware))
    return kata_error__set (err, KATA_E_CONFIG, KEY ("firmware"),
                            KEY ("firmware") ": StratoVirt's machine q35 starts a kernel by way of a firmware; set the "
                                             "key, or use microvm");
  if (!pci && given (p->firmware))
    return unsupported (err, KEY ("firmware"), "StratoVirt's microvm starts the kernel itself; remove the key");
  return 0;
}

static int
check_boot (const kata_vm_plan *p, kata_error **err)
{
  if (!given (p->kernel) || p->kernel[0] != '/')
    return kata_error__set (err, KATA_E_GUEST, KEY ("kernel"),
                            KEY ("kernel") ": no guest kernel; build the guest image or set the key");
  if (!given (p->initrd) && !given (p->image))
    return kata_error__set (err, KATA_E_GUEST, KEY ("initrd"),
                            KEY ("initrd") ": neither initrd nor image; build the guest image or set one of the keys");
  if (p->accel != KATA_ACCEL_KVM)
    return unsupported (err, KEY ("accel"), "StratoVirt runs on KVM only");
  if (p->vcpus == 0 || p->vcpus > VCPUS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "vcpus", "stratovirt: %u vCPUs; 1 to %d are possible", p->vcpus,
                            VCPUS_MAX);
  if (p->memory_mib < MEMORY_MIN || p->memory_mib > MEMORY_MAX)
    return kata_error__set (err, KATA_E_LIMIT, KEY ("default_memory"),
                            KEY ("default_memory") ": %" G_GUINT64_FORMAT " MiB; StratoVirt's guests have %u to %u",
                            p->memory_mib, MEMORY_MIN, MEMORY_MAX);
  if (p->hugepages && p->memory_reporting)
    return unsupported (err, KEY ("reclaim_guest_freed_memory"), "StratoVirt's balloon does nothing with huge pages");
  return 0;
}

static int
check_share (const kata_vm_plan *p, kata_error **err)
{
  if (p->share_kind == KATA_SHARE_9P)
    return unsupported (err, KEY ("shared_fs"), "StratoVirt has no 9p; use virtio-fs");
  if (p->share_kind == KATA_SHARE_VIRTIOFS && p->virtiofs_cache_mib > 0)
    return unsupported (err, KEY ("virtio_fs_cache_size"), "StratoVirt has no DAX window; set it to 0");
  if (p->share_kind == KATA_SHARE_VIRTIOFS && p->virtiofs_queue_size != 0 && p->virtiofs_queue_size != FS_QUEUE_SIZE)
    return unsupported (err, KEY ("virtio_fs_queue_size"), "StratoVirt's virtio-fs has queues of 1024; remove the key");
  if (p->agent_kind != KATA_AGENT_VSOCK)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "agent_kind", "stratovirt: the agent is reached over vsock only");
  return check_value (KEY ("entropy_source"), p->entropy_source, err);
}

static int
check_limits (const kata_vm_plan *p, bool pci, kata_error **err)
{
  uint32_t size = p->block_queue_size, most = pci ? BLOCK_QUEUES : 1;
  if (p->disk_bytes != 0)
    return unsupported (err, KEY ("disk_rate_limiter_bw_max_rate"),
                        "StratoVirt limits operations only; remove the key");
  if (p->disk_ops_once != 0)
    return unsupported (err, KEY ("disk_rate_limiter_ops_one_time_burst"), "StratoVirt has no bursts; remove the key");
  if (p->block_queues > most)
    return kata_error__set (err, KATA_E_UNSUPPORTED, KEY ("num_queues"),
                            KEY ("num_queues") ": %u; a disk of this machine has at most %u", p->block_queues, most);
  if (size != 0 && !pci)
    return unsupported (err, KEY ("queue_size"), "disks of StratoVirt's microvm have queues of 256; set it to 0");
  if (size == 2)
    return unsupported (err, KEY ("queue_size"), "StratoVirt's disks have queues of 4 to 1024; choose one of them");
  return 0;
}

/* A place on the bus, as the end of a device's options; microvm's devices have none. */
static char *
place (struct builder *b)
{
  b->slots++;
  return b->pci ? g_strdup_printf (",bus=pcie.0,addr=0x%x", b->slots) : g_strdup ("");
}

static const char *
bus (const struct builder *b)
{
  return b->pci ? "pci" : "device";
}

static void
add_machine (struct builder *b)
{
  const kata_vm_plan *p = b->plan;
  add (b, "-name", "kata-%s", p->id != NULL ? p->id : "");
  add (b, "-machine", "%s,dump-guest-core=off%s", b->pci ? "q35" : "microvm",
       p->share_kind == KATA_SHARE_VIRTIOFS ? ",mem-share=on" : "");
  add (b, "-smp", "%u", p->vcpus);
  add (b, "-m", "%" G_GUINT64_FORMAT "M", p->memory_mib);
  if (p->hugepages)
    add (b, "-mem-path", HUGEPAGES);
  if (p->prealloc)
    g_ptr_array_add (b->argv, g_strdup ("-mem-prealloc"));
  if (given (p->seccomp_sandbox) && strcmp (p->seccomp_sandbox, "off") == 0)
    g_ptr_array_add (b->argv, g_strdup ("-disable-seccomp"));
}

static int
add_boot (struct builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  g_autoptr (GString) words = g_string_new ("console=ttyS0");
  int code = check_value (KEY ("firmware"), p->firmware, err);
  if (code < 0)
    return code;
  if (given (p->firmware))
    add (b, "-drive", "file=%s,if=pflash,unit=0,readonly=true", p->firmware);
  add (b, "-kernel", "%s", p->kernel);
  if (given (p->initrd))
    add (b, "-initrd", "%s", p->initrd);
  else
    g_string_append_printf (words, " root=/dev/vda%s ro rootfstype=%s", p->image_partition != 0 ? "1" : "",
                            given (p->image_fstype) ? p->image_fstype : "ext4");
  if (given (p->cmdline))
    g_string_append_printf (words, " %s", p->cmdline);
  add (b, "-append", "%s", words->str);
  add (b, "-qmp", "unix:" KATA_STRATOVIRT_QMP_SOCKET ",server,nowait");
  add (b, "-serial", "file,path=" KATA_STRATOVIRT_CONSOLE_LOG);
  return 0;
}

/* off: it reads and writes in the thread that serves the device, which StratoVirt refuses past the host's page cache. */
const char *
kata_stratovirt__aio (int32_t aio, int32_t direct)
{
  if (aio == 2)
    return "io_uring";
  if (!direct)
    return "off";
  return aio == 1 ? "native" : "threads";
}

/* The format is said, never probed: a guest could write another format's header into its disk. */
static int
add_disk (struct builder *b, const char *id, const char *path, bool readonly, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  g_autofree char *at = NULL;
  g_autoptr (GString) extra = g_string_new (NULL);
  int code = check_value (id, path, err);
  if (code < 0)
    return code;
  if (!b->pci && b->slots >= KATA_STRATOVIRT_DISKS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, id, "disk \"%s\": StratoVirt's microvm takes %d", id,
                            KATA_STRATOVIRT_DISKS_MAX);
  at = place (b);
  if (p->disk_ops != 0)
    g_string_append_printf (extra, ",throttling.iops-total=%" G_GUINT64_FORMAT, p->disk_ops);
  add (b, "-drive", "id=drive-%s,file=%s,format=raw,readonly=%s,direct=%s,aio=%s%s", id, path, readonly ? "on" : "off",
       p->block_cache_direct ? "on" : "off", kata_stratovirt__aio (p->block_aio, p->block_cache_direct), extra->str);
  g_string_truncate (extra, 0);
  if (p->block_queues != 0 && b->pci)
    g_string_append_printf (extra, ",num-queues=%u", p->block_queues);
  if (p->block_queue_size != 0)
    g_string_append_printf (extra, ",queue-size=%u", p->block_queue_size);
  add (b, "-device", "virtio-blk-%s,id=" KATA_STRATOVIRT_DISK "%s,drive=drive-%s%s,serial=%s%s", bus (b), id, id, at,
       id, extra->str);
  return 0;
}

static int
add_disks (struct builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  int code = 0;
  if (given (p->image) && !given (p->initrd))
    code = add_disk (b, "kata-image", p->image, true, err);
  for (size_t i = 0; code == 0 && p->disks != NULL && p->disks[i] != NULL; i++) {
    code = kata_device__check_disk (p->disks[i], err);
    if (code == 0)
      code = add_disk (b, p->disks[i]->id, p->disks[i]->path, p->disks[i]->readonly != 0, err);
  }
  return code;
}

static int
check_nic (const struct builder *b, const kata_vm_nic *nic, kata_error **err)
{
  if (nic->kind != KATA_NIC_TAP)
    return kata_error__set (err, KATA_E_UNSUPPORTED, nic->name, "network device \"%s\": StratoVirt takes taps only",
                            nic->name);
  if (nic->queues > 1 && !b->pci)
    return kata_error__set (err, KATA_E_UNSUPPORTED, KEY ("network_queues"),
                            KEY ("network_queues") ": %u; network devices of StratoVirt's microvm have 1", nic->queues);
  return kata_device__check_nic (nic, err);
}

static char *
numbers (int first, uint32_t n)
{
  GString *text = g_string_new (NULL);
  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%d", i != 0 ? ":" : "", first + (int) i);
  return g_string_free (text, FALSE);
}

static void
add_nic (struct builder *b, size_t n, const kata_vm_nic *nic, int fd, int vhost_fd)
{
  g_autofree char *fds = numbers (fd, nic->queues), *vhost_fds = numbers (vhost_fd, nic->queues), *at = place (b);
  const char *s = nic->queues > 1 ? "s" : "";
  if (nic->vhost)
    add (b, "-netdev", "tap,id=tap%zu,fd%s=%s,vhost=on,vhostfd%s=%s", n, s, fds, s, vhost_fds);
  else
    add (b, "-netdev", "tap,id=tap%zu,fd%s=%s", n, s, fds);
  add (b, "-device", "virtio-net-%s,id=net%zu,netdev=tap%zu%s,mac=%s%s", bus (b), n, n, at, nic->mac,
       nic->queues > 1 ? ",mq=on" : "");
}

static int
add_nics (struct builder *b, kata_error **err)
{
  const kata_vm_nic *const *nics = b->plan->nics;
  int fd = KATA_STRATOVIRT_NIC_FD, vhost_fd = fd, own = 0;
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    int code = check_nic (b, nics[i], err);
    if (code < 0)
      return code;
    own += nics[i]->vhost ? 0 : 1;
    if (!b->pci && own > KATA_STRATOVIRT_NICS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, nics[i]->name, "network device \"%s\": StratoVirt's microvm takes %d",
                              nics[i]->name, KATA_STRATOVIRT_NICS_MAX);
    vhost_fd += (int) nics[i]->queues;
  }
  /* The places for its own are there already, for those that the host's kernel serves they are not. */
  unsigned slots = b->slots;
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    add_nic (b, i, nics[i], fd, vhost_fd);
    fd += (int) nics[i]->queues;
    vhost_fd += nics[i]->vhost ? (int) nics[i]->queues : 0;
    slots += nics[i]->vhost ? 1 : 0;
  }
  b->slots = b->pci ? b->slots : slots;
  return 0;
}

static void
add_rest (struct builder *b, uint32_t cid)
{
  const kata_vm_plan *p = b->plan;
  g_autofree char *vsock = place (b);
  add (b, "-device", "vhost-vsock-%s,id=vsock,guest-cid=%u,vhostfd=%d%s", bus (b), cid, KATA_STRATOVIRT_VHOST_FD,
       vsock);
  if (p->share_kind == KATA_SHARE_VIRTIOFS) {
    g_autofree char *at = place (b);
    add (b, "-chardev", "socket,id=share,path=virtiofsd.sock");
    add (b, "-device", "vhost-user-fs-%s,id=fs,chardev=share,tag=%s%s", bus (b),
         given (p->share_tag) ? p->share_tag : "kataShared", at);
  }
  if (given (p->entropy_source)) {
    g_autofree char *at = place (b);
    add (b, "-object", "rng-random,id=entropy,filename=%s", p->entropy_source);
    add (b, "-device", "virtio-rng-%s,id=rng,rng=entropy%s", bus (b), at);
  }
  if (p->memory_reporting) {
    g_autofree char *at = place (b);
    add (b, "-device", "virtio-balloon-%s,id=balloon,deflate-on-oom=true,free-page-reporting=true%s", bus (b), at);
  }
}

static int
add_devices (struct builder *b, uint32_t cid, kata_error **err)
{
  int code = add_disks (b, err);
  /* microvm makes its places for disks and network devices whether they are used or not. */
  if (!b->pci)
    b->slots = KATA_STRATOVIRT_DISKS_MAX + KATA_STRATOVIRT_NICS_MAX;
  if (code == 0)
    code = add_nics (b, err);
  if (code < 0)
    return code;
  add_rest (b, cid);
  if (b->slots > (b->pci ? PCI_MAX : MMIO_MAX))
    return kata_error__set (err, KATA_E_LIMIT, "devices", "stratovirt: %u devices; its machine has places for %d",
                            b->slots, b->pci ? PCI_MAX : MMIO_MAX);
  return 0;
}

int
kata_stratovirt__argv (char ***out, const kata_vm_plan *p, const char *program, uint32_t cid, kata_error **err)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  struct builder b = { .plan = p, .argv = argv };
  b.pci = given (p->machine_type) && strcmp (p->machine_type, "q35") == 0;
  int code = check_machine (p, b.pci, err);
  if (code == 0)
    code = check_boot (p, err);
  if (code == 0)
    code = check_share (p, err);
  if (code == 0)
    code = check_limits (p, b.pci, err);
  if (code < 0)
    return code;
  g_ptr_array_add (argv, g_strdup (program));
  add_machine (&b);
  code = add_boot (&b, err);
  if (code == 0)
    code = add_devices (&b, cid, err);
  if (code < 0)
    return code;
  g_ptr_array_add (argv, NULL);
  *out = (char **) g_ptr_array_steal (argv, NULL);
  return 0;
}
