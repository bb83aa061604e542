/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: builds the command line part by part, in the order in which QEMU makes the machine. */
#include "backend/qemu/argv.h"

#include <string.h>

#include "backend/qemu/builder.h"
#include "base/error.h"

#define BLOCK_QUEUE_MIN 4
#define BLOCK_QUEUE_MAX 1024

void
kata_qemu__add (kata_qemu_builder *b, const char *option, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (b->argv, g_strdup (option));
  g_ptr_array_add (b->argv, g_strdup_vprintf (format, args));
  va_end (args);
}

char *
kata_qemu__quoted (const char *value)
{
  g_auto (GStrv) parts = g_strsplit (value, ",", -1);
  return g_strjoinv (",,", parts);
}

/* Fields that go in raw, because they are lists of options: nothing but such lists. */
static int
check_list (const char *key, const char *value, kata_error **err)
{
  for (const char *p = value; kata_qemu__given (value) && *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr (",=+-_.", *p) == NULL)
      return kata_error__set (err, KATA_E_CONFIG, key, "%s: \"%s\": character '%c' is not allowed in it", key, value,
                              *p);
  return 0;
}

static int
check_plan (const kata_vm_plan *p, kata_error **err)
{
  if (!kata_qemu__given (p->kernel) || p->kernel[0] != '/')
    return kata_error__set (err, KATA_E_GUEST, "hypervisor.qemu.kernel",
                            "hypervisor.qemu.kernel: no guest kernel; build the guest image or set the key");
  if (!kata_qemu__given (p->initrd) && !kata_qemu__given (p->image))
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

/* The rest of what QEMU itself shall be: no defaults, no files of the host's administrator, no display, no rights it does not need. */
static void
add_process (kata_qemu_builder *b)
{
  const char *sandbox = b->plan->seccomp_sandbox;
  if (!kata_qemu__given (sandbox))
    sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
  g_autofree char *name = kata_qemu__quoted (b->plan->id != NULL ? b->plan->id : "");
  g_ptr_array_insert (b->argv, 0, g_strdup (b->context->program));
  kata_qemu__add (b, "-name", "kata-%s", name);
  g_ptr_array_add (b->argv, g_strdup ("-nodefaults"));
  g_ptr_array_add (b->argv, g_strdup ("-no-user-config"));
  g_ptr_array_add (b->argv, g_strdup ("-no-reboot"));
  kata_qemu__add (b, "-display", "none");
  kata_qemu__add (b, "-vga", "none");
  kata_qemu__add (b, "-rtc", "base=utc,clock=host");
  if (strcmp (sandbox, "off") != 0)
    kata_qemu__add (b, "-sandbox", "%s", sandbox);
}

static void
add_control (kata_qemu_builder *b)
{
  kata_qemu__add (b, "-qmp", "unix:" KATA_QEMU_QMP_SOCKET ",server=on,wait=off");
  kata_qemu__add (b, "-chardev", "file,id=console,path=" KATA_QEMU_CONSOLE_LOG ",append=on");
  kata_qemu__add (b, "-serial", "chardev:console");
}

static void
add_rest (kata_qemu_builder *b)
{
  if (kata_qemu__given (b->plan->entropy_source)) {
    g_autofree char *source = kata_qemu__quoted (b->plan->entropy_source);
    kata_qemu__add (b, "-object", "rng-random,id=rng,filename=%s", source);
    kata_qemu__add (b, "-device", "virtio-rng-%s,rng=rng%s", b->bus, b->platform);
  }
  if (b->plan->memory_reporting)
    kata_qemu__add (b, "-device", "virtio-balloon-%s,free-page-reporting=on,deflate-on-oom=on%s", b->bus, b->platform);
}

/* What the plan wants and the machine has not. */
static int
check_machine (const kata_qemu_builder *b, kata_error **err)
{
  const kata_qemu_machine *m = b->machine;
  if (kata_qemu__has_flash (b->plan) && !m->flash)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.pflashes",
                            "hypervisor.qemu.pflashes, firmware_volume: QEMU's %s (%s) has no flash for firmware",
                            m->type, m->arch);
  if (b->plan->iommu && m->iommu_words == NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.enable_iommu",
                            "hypervisor.qemu.enable_iommu: QEMU's %s (%s) has no IOMMU; use q35, or virt on aarch64",
                            m->type, m->arch);
  if (b->plan->confidential != KATA_CONFIDENTIAL_NONE &&
      (b->plan->accel != KATA_ACCEL_KVM || strcmp (m->type, "q35") != 0 || !kata_qemu__given (b->plan->firmware)))
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.confidential_guest",
                            "hypervisor.qemu.confidential_guest: needs KVM, the machine q35 and firmware");
  if (b->plan->numa != NULL && strcmp (m->type, "microvm") == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.numa_mapping",
                            "hypervisor.qemu.numa_mapping: QEMU's machine microvm has no nodes; use q35");
  return 0;
}

int
kata_qemu__argv (char ***out, const kata_vm_plan *plan, const kata_qemu_context *context, kata_error **err)
{
  kata_qemu_builder b = { .plan = plan, .context = context };
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
  kata_qemu__add_machine (&b);
  kata_qemu__add_confidential (&b);
  kata_qemu__add_boot (&b);
  add_control (&b);
  if (plan->iommu && b.machine->iommu_device != NULL)
    kata_qemu__add (&b, "-device", "%s", b.machine->iommu_device);
  code = kata_qemu__add_agent (&b, err);
  kata_qemu__add_share (&b);
  if (code == 0)
    code = kata_qemu__add_disks (&b, err);
  if (code == 0)
    code = kata_qemu__add_nics (&b, err);
  add_rest (&b);
  if (code == 0)
    code = kata_qemu__add_ports (&b, err);
  if (code == 0)
    code = kata_qemu__add_host_devices (&b, err);
  kata_qemu__add_late_memory (&b);
  if (code < 0) {
    g_ptr_array_unref (b.argv);
    return code;
  }
  g_ptr_array_add (b.argv, NULL);
  *out = (char **) g_ptr_array_free (b.argv, FALSE);
  return 0;
}
