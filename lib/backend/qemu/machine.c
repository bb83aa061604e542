/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: the table of machines, the first of each architecture being its default. */
#include "backend/qemu/machine.h"

#include <string.h>
#include <sys/utsname.h>

#include <glib.h>

#include "base/error.h"

#define KEY "hypervisor.qemu.machine_type"

/*
 * Legacy parts that a guest kernel would probe are left out: each costs boot time, most of all under TCG. Processors under TCG: the newest that
 * does not cost time for what containers have no use of (five-level page tables, pointer authentication in software).
 */
static const kata_qemu_machine machines[] = {
  { .arch = "x86_64",
    .type = "q35",
    .program = "qemu-system-x86_64",
    .package = "qemu-system-x86",
    .options = ",smm=off,vmport=off,hpet=off,sata=off,smbus=off,usb=off",
    .options_kvm = ",kernel-irqchip=split",
    .options_7 = ",i8042=off",
    .bus = "pci",
    .console = "ttyS0",
    .cpu_tcg = "max,la57=off",
    .max_vcpus = 255,
    .flash = true,
    .iommu_device = "intel-iommu,intremap=on,device-iotlb=on,caching-mode=on",
    .iommu_words = " intel_iommu=on iommu=pt",
    .root_ports = true,
    .resizes = true },
  { .arch = "x86_64",
    .type = "microvm",
    .program = "qemu-system-x86_64",
    .package = "qemu-system-x86",
    .options = ",acpi=on,rtc=on,pcie=off,usb=off",
    .options_tcg = ",pit=on,pic=on",
    .bus = "device",
    .console = "ttyS0",
    .cpu_tcg = "max,la57=off",
    .max_vcpus = 255 },
  /* Without firmware Linux gets a device tree, no ACPI. */
  { .arch = "aarch64",
    .type = "virt",
    .program = "qemu-system-aarch64",
    .package = "qemu-system-arm",
    .options = ",usb=off",
    .options_kvm = ",gic-version=host",
    .options_tcg = ",gic-version=3",
    .bus = "pci",
    .console = "ttyAMA0",
    .cpu_tcg = "cortex-a57",
    .max_vcpus = 255,
    .flash = true,
    .iommu_option = ",iommu=smmuv3",
    .iommu_words = "",
    .root_ports = true },
  { .arch = "riscv64",
    .type = "virt",
    .program = "qemu-system-riscv64",
    .package = "qemu-system-misc",
    .options = ",usb=off",
    .bus = "pci",
    .console = "ttyS0",
    .cpu_tcg = "rv64",
    .max_vcpus = 255,
    .root_ports = true },
  /* The mitigations that KVM of some hosts and TCG do not have would keep the machine from starting. */
  { .arch = "ppc64le",
    .type = "pseries",
    .program = "qemu-system-ppc64",
    .package = "qemu-system-ppc",
    .options = ",usb=off,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-large-decr=off,cap-ccf-assist=off",
    .bus = "pci",
    .console = "hvc0",
    .cpu_tcg = "POWER9",
    .max_vcpus = 255 },
  /* Channel devices, no PCI. */
  { .arch = "s390x",
    .type = "s390-ccw-virtio",
    .program = "qemu-system-s390x",
    .package = "qemu-system-misc",
    .options = "",
    .bus = "ccw",
    .console = "ttysclp0",
    .cpu_tcg = "max",
    .max_vcpus = 248 },
};

static bool
same_type (const char *type, const char *wanted)
{
  return strcmp (type, wanted) == 0 || (strcmp (wanted, "pc") == 0 && strcmp (type, "q35") == 0);
}

int
kata_qemu__machine (const kata_qemu_machine **out, const kata_vm_plan *plan, kata_error **err)
{
  struct utsname host;
  bool given = plan->arch != NULL && plan->arch[0] != '\0';
  const char *arch = given ? plan->arch : uname (&host) == 0 ? host.machine : "";
  const char *type = plan->machine_type != NULL ? plan->machine_type : "";
  g_autoptr (GString) known = g_string_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (machines); i++) {
    const kata_qemu_machine *m = &machines[i];
    if (strcmp (m->arch, arch) != 0)
      continue;
    if (type[0] == '\0' || same_type (m->type, type)) {
      *out = m;
      return 0;
    }
    g_string_append_printf (known, "%s%s", known->len > 0 ? " or " : "", m->type);
  }
  if (known->len == 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.qemu.path",
                            "hypervisor.qemu.path: libkata has no machine of QEMU's for the architecture \"%s\"", arch);
  return kata_error__set (err, KATA_E_UNSUPPORTED, KEY, KEY ": \"%s\" is not supported on %s; use %s", type, arch,
                          known->str);
}
