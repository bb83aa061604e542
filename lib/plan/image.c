/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image: how the image that the guest's root is on is attached, and by what driver QEMU's other disks are; it attaches nothing. */
#include <string.h>

#include "plan/build.h"

/* The guest's kernel maps persistent memory in sections of this size. */
#define SECTION_SIZE (UINT64_C (2) << 20)

static bool
is_qemu (const struct kata_plan_build *b)
{
  return strcmp (b->in->hypervisor, "qemu") == 0;
}

/* What the two keys ask for: that of Kata's Rust runtime names the driver, that of its Go runtime denies one. */
static int32_t
wanted_driver (struct kata_plan_build *b)
{
  const char *driver = b->hv->vm_rootfs_driver;
  if (strcmp (driver, "virtio-pmem") == 0)
    return KATA_IMAGE_PMEM;
  if (driver[0] != '\0' && strcmp (driver, "nvdimm") != 0)
    return KATA_IMAGE_BLK;
  return driver[0] == '\0' && b->hv->disable_image_nvdimm ? KATA_IMAGE_BLK : KATA_IMAGE_NVDIMM;
}

/* Persistent memory is found by ACPI or on PCI, and a confidential guest must not read what the host can change under it. */
static const char *
why_no_memory (const struct kata_plan_build *b, int32_t wanted)
{
  const char *arch = b->plan->vm.arch;
  bool x86 = strcmp (arch, "x86_64") == 0;
  if (b->hv->confidential_guest || b->hv->sev_snp_guest)
    return "the guest is confidential";
  if (strcmp (b->hv->machine_type, "microvm") == 0)
    return "QEMU's machine microvm has neither NVDIMMs nor PCI";
  if (wanted == KATA_IMAGE_NVDIMM && !x86)
    return "only the machine q35 (x86_64) is given NVDIMMs";
  if (strcmp (arch, "s390x") == 0 || strcmp (arch, "ppc64le") == 0)
    return "this machine has no virtio-pmem";
  if (b->in->image.size % SECTION_SIZE != 0)
    return "the image's size is no multiple of 2 MiB, as the guest's kernel wants it of persistent memory";
  return NULL;
}

static void
decide_image (struct kata_plan_build *b)
{
  kata_vm_plan *vm = &b->plan->vm;
  if (vm->image[0] == '\0')
    return;
  vm->image_partition = b->in->image.partitioned ? 1 : 0;
  vm->image_size = b->in->image.size;
  int32_t wanted = is_qemu (b) ? wanted_driver (b) : KATA_IMAGE_BLK;
  /* An image that cannot be read ends the start with a better text than ours. */
  if (wanted == KATA_IMAGE_BLK || vm->image_size == 0)
    return;
  const char *why = why_no_memory (b, wanted);
  if (why == NULL)
    vm->image_driver = wanted;
  else if (b->hv->vm_rootfs_driver[0] != '\0')
    kata_plan__warn (b, "%s: \"%s\" is not possible: %s; the image is attached by virtio-blk",
                     kata_plan__key (b, "vm_rootfs_driver"), b->hv->vm_rootfs_driver, why);
}

/* The names of both of Kata's runtimes; the bus is the machine's own. */
static void
decide_disks (struct kata_plan_build *b)
{
  const char *driver = b->hv->block_device_driver, *key = kata_plan__key (b, "block_device_driver");
  if (!is_qemu (b) || g_str_has_prefix (driver, "virtio-blk") || strcmp (driver, "virtio-mmio") == 0)
    return;
  if (strcmp (driver, "virtio-scsi") != 0) {
    kata_plan__warn (b, "%s: QEMU's disks are not given to the guest as \"%s\"; virtio-blk is taken", key, driver);
    return;
  }
  if ((b->plan->guest_features & KATA_GUEST_SCSI) != 0)
    b->plan->vm.block_driver = KATA_BLOCK_SCSI;
  else
    kata_plan__warn (b, "%s: the guest has no virtio-scsi; virtio-blk is taken", key);
}

int
kata_plan__image (struct kata_plan_build *b, kata_error **err)
{
  decide_image (b);
  decide_disks (b);
  return 0;
}
