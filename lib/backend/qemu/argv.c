/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: builds the command line part by part, in the order in which QEMU makes the machine. */
#include "backend/qemu/argv.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "backend/device.h"
#include "backend/qemu/machine.h"
#include "base/error.h"

#define DISKS_MAX       16
#define NICS_MAX        8
#define PORTS_MAX       8
#define BLOCK_QUEUE_MIN 4
#define BLOCK_QUEUE_MAX 1024

/* What the parts share. */
struct builder {
  const kata_vm_plan *plan;
  const kata_qemu_context *context;
  GPtrArray *argv;
  const kata_qemu_machine *machine;
  const char *bus;      /* the machine's */
  const char *platform; /* of each virtio device */
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

/* QEMU splits option values at commas; a doubled comma is one of the value's own. */
static char *
quoted (const char *value)
{
  g_auto (GStrv) parts = g_strsplit (value, ",", -1);
  return g_strjoinv (",,", parts);
}

/* Fields that go in raw, because they are lists of options: nothing but such lists. */
static int
check_list (const char *key, const char *value, kata_error **err)
{
  for (const char *p = value; given (value) && *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr (",=+-_.", *p) == NULL)
      return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%s\": character '%c' is not allowed in it", key, value,
                              *p);
  return 0;
}

static int
check_plan (const kata_vm_plan *p, kata_error **err)
{
  if (!given (p->kernel) || p->kernel[0] != '/')
    return kata_error__set (err, KATA_E_GUEST, "hypervisor.qemu.kernel",
                            "hypervisor.qemu.kernel: no guest kernel; build the guest image or set the key");
  if (!given (p->initrd) && !given (p->image))
    return kata_error__set (
        err, KATA_E_GUEST, "hypervisor.qemu.initrd",
        "hypervisor.qemu.initrd: neither initrd nor image; build the guest image or set one of the keys");
  if (p->vcpus == 0 || p->memory_mib == 0)
    return kata_error__set (err, KATA_E_INVALID, "vcpus", "qemu: a guest needs at least one vCPU and some memory");
  if (p->accel != KATA_ACCEL_KVM && p->accel != KATA_ACCEL_TCG)
    return kata_error__set (err, KATA_E_INVALID, "accel", "qemu: the plan has not decided between kvm and tcg");
  if (p->share_kind == KATA_SHARE_VIRTIOFS && p->virtiofs_cache_mib > 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.virtio_fs_cache_size",
                            "hypervisor.qemu.virtio_fs_cache_size: QEMU has no DAX window; set it to 0");
  /* As QEMU's virtio-blk has it; the machine would end as it starts. */
  uint32_t size = p->block_queue_size;
  if (size != 0 && (size < BLOCK_QUEUE_MIN || size > BLOCK_QUEUE_MAX || (size & (size - 1)) != 0))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.queue_size",
                            "hypervisor.qemu.queue_size: %u; QEMU's disks have queues of a power of two from %d to %d; "
                            "choose one, or 0",
                            size, BLOCK_QUEUE_MIN, BLOCK_QUEUE_MAX);
  int code = check_list ("hypervisor.qemu.machine_accelerators", p->machine_accelerators, err);
  if (code == 0)
    code = check_list ("hypervisor.qemu.cpu_features", p->cpu_features, err);
  if (code == 0)
    code = check_list ("hypervisor.qemu.seccompsandbox", p->seccomp_sandbox, err);
  return code;
}

static bool
needs_shared_memory (const kata_vm_plan *p)
{
  return p->share_kind == KATA_SHARE_VIRTIOFS;
}

/* A guest's memory is a memfd where virtiofsd must see it, anonymous memory otherwise. */
static void
add_machine (struct builder *b)
{
  const kata_vm_plan *p = b->plan;
  const kata_qemu_machine *m = b->machine;
  bool kvm = p->accel == KATA_ACCEL_KVM;
  const char *by_accel = kvm ? m->options_kvm : m->options_tcg;
  GString *machine = g_string_new (m->type);
  g_string_append (machine, m->options);
  if (m->options_7 != NULL && b->context->version[0] >= 7)
    g_string_append (machine, m->options_7);
  if (by_accel != NULL)
    g_string_append (machine, by_accel);
  if (p->iommu && m->iommu_option != NULL)
    g_string_append (machine, m->iommu_option);
  g_string_append (machine, ",dump-guest-core=off");
  if (needs_shared_memory (p) || p->hugepages)
    g_string_append (machine, ",memory-backend=memory");
  if (given (p->machine_accelerators))
    g_string_append_printf (machine, ",%s", p->machine_accelerators);
  add (b, "-machine", "%s", machine->str);
  g_string_free (machine, TRUE);
  /* Its transports speak virtio 0.9 unless told otherwise, and vhost-user servers do not. */
  if (strcmp (m->bus, "device") == 0)
    add (b, "-global", "virtio-mmio.force-legacy=false");
  add (b, "-accel", "%s", kvm ? "kvm" : "tcg,thread=multi");
  const char *no_nesting = p->no_nesting && strcmp (m->arch, "x86_64") == 0 ? ",vmx=off,svm=off" : "";
  add (b, "-cpu", "%s%s%s%s", kvm ? "host" : m->cpu_tcg, no_nesting, given (p->cpu_features) ? "," : "",
       given (p->cpu_features) ? p->cpu_features : "");
  /* No maxcpus: vCPUs are not added later, and a guest sets memory aside for each that could come. */
  add (b, "-smp", "%u", p->vcpus);
  add (b, "-m", "%" G_GUINT64_FORMAT "M", p->memory_mib);
  if (needs_shared_memory (p) || p->hugepages)
    add (b, "-object", "memory-backend-memfd,id=memory,size=%" G_GUINT64_FORMAT "M,share=on%s%s", p->memory_mib,
         p->hugepages ? ",hugetlb=on" : "", p->prealloc ? ",prealloc=on" : "");
}

static bool
has_flash (const kata_vm_plan *p)
{
  return given (p->firmware_volume) || (p->flashes != NULL && p->flashes[0] != NULL);
}

/* The code, then its variables. Guests share the files, so what one writes into them goes away with it. */
static void
add_flashes (struct builder *b)
{
  const kata_vm_plan *p = b->plan;
  const char *const both[] = { p->firmware, p->firmware_volume, NULL };
  const char *const *flashes = given (p->firmware_volume) ? both : p->flashes;
  for (size_t i = 0; flashes[i] != NULL; i++) {
    g_autofree char *file = quoted (flashes[i]);
    add (b, "-drive", "if=pflash,unit=%zu,format=raw,%s,file=%s", i, i == 0 ? "readonly=on" : "snapshot=on", file);
  }
}

static void
add_boot (struct builder *b)
{
  const kata_vm_plan *p = b->plan;
  if (has_flash (p))
    add_flashes (b);
  else if (given (p->firmware))
    add (b, "-bios", "%s", p->firmware);
  add (b, "-kernel", "%s", p->kernel);
  if (given (p->initrd))
    add (b, "-initrd", "%s", p->initrd);
  g_autoptr (GString) words = g_string_new (NULL);
  g_string_printf (words, "console=%s", b->machine->console);
  /* A guest that measures the counter's speed itself, against timers that TCG serves late, gets it wrong on a busy host and hangs or drifts. */
  if (p->accel == KATA_ACCEL_TCG && strcmp (b->machine->arch, "x86_64") == 0 && b->context->tsc_khz != 0)
    g_string_append_printf (words, " tsc_early_khz=%u", b->context->tsc_khz);
  if (p->iommu)
    g_string_append (words, b->machine->iommu_words);
  if (!given (p->initrd))
    g_string_append_printf (words, " root=/dev/vda ro rootfstype=%s",
                            given (p->image_fstype) ? p->image_fstype : "ext4");
  add (b, "-append", "%s %s", words->str, p->cmdline != NULL ? p->cmdline : "");
}

/* The rest of what QEMU itself shall be: no defaults, no files of the host's administrator, no display, no rights it does not need. */
static void
add_process (struct builder *b)
{
  const char *sandbox = b->plan->seccomp_sandbox;
  if (!given (sandbox))
    sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
  g_autofree char *name = quoted (b->plan->id != NULL ? b->plan->id : "");
  g_ptr_array_insert (b->argv, 0, g_strdup (b->context->program));
  add (b, "-name", "kata-%s", name);
  g_ptr_array_add (b->argv, g_strdup ("-nodefaults"));
  g_ptr_array_add (b->argv, g_strdup ("-no-user-config"));
  g_ptr_array_add (b->argv, g_strdup ("-no-reboot"));
  add (b, "-display", "none");
  add (b, "-vga", "none");
  add (b, "-rtc", "base=utc,clock=host");
  if (strcmp (sandbox, "off") != 0)
    add (b, "-sandbox", "%s", sandbox);
}

static void
add_control (struct builder *b)
{
  add (b, "-qmp", "unix:" KATA_QEMU_QMP_SOCKET ",server=on,wait=off");
  add (b, "-chardev", "file,id=console,path=" KATA_QEMU_CONSOLE_LOG ",append=on");
  add (b, "-serial", "chardev:console");
}

static void
add_share (struct builder *b)
{
  const kata_vm_plan *p = b->plan;
  if (p->share_kind == KATA_SHARE_NONE)
    return;
  g_autofree char *tag = quoted (p->share_tag != NULL ? p->share_tag : "kataShared");
  if (p->share_kind == KATA_SHARE_VIRTIOFS) {
    add (b, "-chardev", "socket,id=share,path=virtiofsd.sock");
    add (b, "-device", "vhost-user-fs-%s,chardev=share,tag=%s,queue-size=%u%s", b->bus, tag,
         p->virtiofs_queue_size > 0 ? p->virtiofs_queue_size : 1024, b->platform);
    return;
  }
  g_autofree char *dir = quoted (p->share_dir);
  add (b, "-fsdev", "local,id=share,path=%s,security_model=none,multidevs=remap", dir);
  add (b, "-device", "virtio-9p-%s,fsdev=share,mount_tag=%s%s", b->bus, tag, b->platform);
}

/* The format is said, never probed: a guest could write another format's header into its disk. */
static void
add_disk (struct builder *b, size_t n, const char *path, bool readonly, const char *serial)
{
  static const char *const aio[] = { "threads", "native", "io_uring" };
  const kata_vm_plan *p = b->plan;
  g_autofree char *file = quoted (path);
  int32_t mode = p->block_aio >= 0 && p->block_aio < (int32_t) G_N_ELEMENTS (aio) ? p->block_aio : 0;
  if (mode == 1 && !p->block_cache_direct)
    mode = 0; /* native needs O_DIRECT */
  add (b, "-blockdev",
       "driver=raw,node-name=disk%zu,read-only=%s,auto-read-only=off,discard=unmap,cache.direct=%s%s,file.driver=%s,"
       "file.filename=%s,file.aio=%s,file.locking=auto",
       n, readonly ? "on" : "off", p->block_cache_direct ? "on" : "off", p->block_no_flush ? ",cache.no-flush=on" : "",
       g_str_has_prefix (path, "/dev/") ? "host_device" : "file", file, aio[mode]);
  g_autofree char *queues = p->block_queues != 0 ? g_strdup_printf (",num-queues=%u", p->block_queues) : g_strdup ("");
  g_autofree char *size =
      p->block_queue_size != 0 ? g_strdup_printf (",queue-size=%u", p->block_queue_size) : g_strdup ("");
  g_autoptr (GString) more = g_string_new (p->io_threads ? ",iothread=disks" : "");
  if (p->block_logical_size != 0)
    g_string_append_printf (more, ",logical_block_size=%u", p->block_logical_size);
  if (p->block_physical_size != 0)
    g_string_append_printf (more, ",physical_block_size=%u", p->block_physical_size);
  add (b, "-device", "virtio-blk-%s,drive=disk%zu,serial=%s%s%s%s%s", b->bus, n, serial, queues, size, more->str,
       b->platform);
}

static int
add_disks (struct builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  size_t n = 0;
  if (p->io_threads)
    add (b, "-object", "iothread,id=disks");
  if (given (p->image) && !given (p->initrd))
    add_disk (b, n++, p->image, true, "kata-image");
  for (size_t i = 0; p->disks != NULL && p->disks[i] != NULL; i++, n++) {
    const kata_vm_disk *disk = p->disks[i];
    int code = kata_device__check_disk (disk, err);
    if (code < 0)
      return code;
    if (n >= DISKS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, disk->id, "disk \"%s\": qemu takes at most %d disks", disk->id,
                              DISKS_MAX);
    add_disk (b, n, disk->path, disk->readonly != 0, disk->id);
  }
  return 0;
}

static int
add_agent (struct builder *b, kata_error **err)
{
  const kata_vm_plan *p = b->plan;
  if (p->agent_kind == KATA_AGENT_VSOCK) {
    add (b, "-device", "vhost-vsock-%s,guest-cid=%u,vhostfd=%d%s", b->bus, b->context->cid, b->context->vhost_fd,
         b->platform);
    return 0;
  }
  if (p->agent_kind != KATA_AGENT_SERIAL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "agent_kind",
                            "qemu: the agent is reached over vsock or virtio-serial only");
  if (p->agent_serial_ports == 0 || p->agent_serial_ports > KATA_QEMU_PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "agent_serial_ports",
                            "qemu: %u ports for the agent; 1 to %d are possible", p->agent_serial_ports,
                            KATA_QEMU_PORTS_MAX);
  /* Port 0 is reserved for a console. */
  add (b, "-device", "virtio-serial-%s,id=agent,max_ports=%u%s", b->bus, p->agent_serial_ports + 1, b->platform);
  for (uint32_t i = 0; i < p->agent_serial_ports; i++) {
    add (b, "-chardev", "socket,id=agent%u,path=" KATA_QEMU_AGENT_SOCKET ",server=on,wait=off", i, i);
    add (b, "-device", "virtserialport,bus=agent.0,nr=%u,chardev=agent%u,name=" KATA_QEMU_AGENT_PORT, i + 1, i, i);
  }
  return 0;
}

/* "4:5:6": the numbers of @n descriptors. */
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
  g_autofree char *fds = numbers (fd, nic->queues), *vhost_fds = numbers (vhost_fd, nic->queues);
  bool many = nic->queues > 1;
  const char *s = many ? "s" : "";
  if (nic->kind == KATA_NIC_STREAM)
    add (b, "-netdev", "stream,id=net%zu,server=off,addr.type=fd,addr.str=%d", n, fd);
  else if (nic->vhost)
    add (b, "-netdev", "tap,id=net%zu,fd%s=%s,vhost=on,vhostfd%s=%s", n, s, fds, s, vhost_fds);
  else
    add (b, "-netdev", "tap,id=net%zu,fd%s=%s", n, s, fds);
  g_autoptr (GString) device = g_string_new (NULL);
  g_string_append_printf (device, "virtio-net-%s,netdev=net%zu,mac=%s", b->bus, n, nic->mac);
  if (many)
    g_string_append (device, ",mq=on");
  /* Each queue its interrupt, and one each for control and configuration. No option ROM: nothing boots from the network. */
  if (strcmp (b->bus, "pci") == 0)
    g_string_append_printf (device, ",vectors=%u,romfile=", 2 * nic->queues + 2);
  add (b, "-device", "%s%s", device->str, b->platform);
}

static int
add_nics (struct builder *b, kata_error **err)
{
  const kata_vm_nic *const *nics = b->plan->nics;
  int fd = b->context->nic_fd, vhost_fd = fd;
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    int code = kata_device__check_nic (nics[i], err);
    if (code < 0)
      return code;
    if (i >= NICS_MAX)
      return kata_error__set (err, KATA_E_LIMIT, nics[i]->name, "network device \"%s\": qemu is given at most %d",
                              nics[i]->name, NICS_MAX);
    vhost_fd += (int) nics[i]->queues;
  }
  for (size_t i = 0; nics != NULL && nics[i] != NULL; i++) {
    add_nic (b, i, nics[i], fd, vhost_fd);
    fd += (int) nics[i]->queues;
    vhost_fd += nics[i]->vhost ? (int) nics[i]->queues : 0;
  }
  return 0;
}

/*
 * Empty root ports that a network device can come to while the guest runs: what is on the root bus itself cannot be changed. They come last, so that the
 * others' places stay as they are. No window of I/O ports: what comes is a modern virtio device.
 */
static int
add_ports (struct builder *b, kata_error **err)
{
  uint32_t n = b->plan->nic_ports;
  if (n != 0 && !b->machine->root_ports)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.machine_type",
                            "hypervisor.qemu.machine_type: %s has no ports that a network device could come to",
                            b->machine->type);
  if (n > PORTS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "network",
                            "network: %u ports for later devices; qemu is given at most %d", n, PORTS_MAX);
  for (uint32_t i = 1; i <= n; i++)
    add (b, "-device", "pcie-root-port,id=" KATA_QEMU_NIC_PORT ",chassis=%u,slot=%u,io-reserve=0", i, i, i);
  return 0;
}

static void
add_rest (struct builder *b)
{
  if (given (b->plan->entropy_source)) {
    g_autofree char *source = quoted (b->plan->entropy_source);
    add (b, "-object", "rng-random,id=rng,filename=%s", source);
    add (b, "-device", "virtio-rng-%s,rng=rng%s", b->bus, b->platform);
  }
  if (b->plan->memory_reporting)
    add (b, "-device", "virtio-balloon-%s,free-page-reporting=on,deflate-on-oom=on%s", b->bus, b->platform);
}

/* What the plan wants and the machine has not. */
static int
check_machine (const struct builder *b, kata_error **err)
{
  const kata_qemu_machine *m = b->machine;
  if (has_flash (b->plan) && !m->flash)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.pflashes",
                            "hypervisor.qemu.pflashes, firmware_volume: QEMU's %s (%s) has no flash for firmware",
                            m->type, m->arch);
  if (b->plan->iommu && m->iommu_words == NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.enable_iommu",
                            "hypervisor.qemu.enable_iommu: QEMU's %s (%s) has no IOMMU; use q35, or virt on aarch64",
                            m->type, m->arch);
  return 0;
}

int
kata_qemu__argv (char ***out, const kata_vm_plan *plan, const kata_qemu_context *context, kata_error **err)
{
  struct builder b = { .plan = plan, .context = context };
  int code = check_plan (plan, err);
  if (code == 0)
    code = kata_qemu__machine (&b.machine, plan, err);
  if (code < 0)
    return code;
  code = check_machine (&b, err);
  if (code < 0)
    return code;
  b.bus = b.machine->bus;
  b.platform = plan->iommu_platform ? ",iommu_platform=on" : "";
  b.argv = g_ptr_array_new_with_free_func (g_free);
  add_process (&b);
  add_machine (&b);
  add_boot (&b);
  add_control (&b);
  if (plan->iommu && b.machine->iommu_device != NULL)
    add (&b, "-device", "%s", b.machine->iommu_device);
  code = add_agent (&b, err);
  add_share (&b);
  if (code == 0)
    code = add_disks (&b, err);
  if (code == 0)
    code = add_nics (&b, err);
  add_rest (&b);
  if (code == 0)
    code = add_ports (&b, err);
  if (code < 0) {
    g_ptr_array_unref (b.argv);
    return code;
  }
  g_ptr_array_add (b.argv, NULL);
  *out = (char **) g_ptr_array_free (b.argv, FALSE);
  return 0;
}
