/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-boot: firmware, kernel, initrd and the kernel's command line in QEMU's words. */
#include "backend/qemu/builder.h"

#include <string.h>

bool
kata_qemu__has_flash (const kata_vm_plan *p)
{
  return kata_qemu__given (p->firmware_volume) || (p->flashes != NULL && p->flashes[0] != NULL);
}

/* The code, then its variables. Guests share the files, so what one writes into them goes away with it. */
static void
add_flashes (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  const char *const both[] = { p->firmware, p->firmware_volume, NULL };
  const char *const *flashes = kata_qemu__given (p->firmware_volume) ? both : p->flashes;
  for (size_t i = 0; flashes[i] != NULL; i++) {
    g_autofree char *file = kata_qemu__quoted (flashes[i]);
    kata_qemu__add (b, "-drive", "if=pflash,unit=%zu,format=raw,%s,file=%s", i, i == 0 ? "readonly=on" : "snapshot=on",
                    file);
  }
}

/*
 * Kata's partitions begin where the guest's kernel can map them (DAX), so that nothing of the image is twice in the host's memory. An image without
 * partitions may have blocks too small for that.
 */
static void
add_root (const kata_vm_plan *p, GString *words)
{
  const char *fstype = kata_qemu__given (p->image_fstype) ? p->image_fstype : "ext4";
  bool memory = p->image_driver != KATA_IMAGE_BLK;
  g_string_append (words, memory ? " root=/dev/pmem0" : " root=/dev/vda");
  if (p->image_partition != 0)
    g_string_append_printf (words, "%s%u", memory ? "p" : "", p->image_partition);
  g_string_append_printf (words, " ro rootfstype=%s", fstype);
  if (memory && p->image_partition != 0)
    g_string_append (words, " rootflags=dax");
}

void
kata_qemu__add_boot (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  if (kata_qemu__has_flash (p))
    add_flashes (b);
  else if (kata_qemu__given (p->firmware))
    kata_qemu__add (b, "-bios", "%s", p->firmware);
  kata_qemu__add (b, "-kernel", "%s", p->kernel);
  if (kata_qemu__given (p->initrd))
    kata_qemu__add (b, "-initrd", "%s", p->initrd);
  g_autoptr (GString) words = g_string_new (NULL);
  g_string_printf (words, "console=%s", b->machine->console);
  /* A guest that measures the counter's speed itself, against timers that TCG serves late, gets it wrong on a busy host and hangs or drifts. */
  if (p->accel == KATA_ACCEL_TCG && strcmp (b->machine->arch, "x86_64") == 0 && b->context->tsc_khz != 0)
    g_string_append_printf (words, " tsc_early_khz=%u", b->context->tsc_khz);
  if (p->iommu)
    g_string_append (words, b->machine->iommu_words);
  if (!kata_qemu__given (p->initrd))
    add_root (p, words);
  kata_qemu__add (b, "-append", "%s %s", words->str, p->cmdline != NULL ? p->cmdline : "");
}
