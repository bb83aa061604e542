/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-memory: the guest's memory in QEMU's words, and an image that lies in it. */
#include "backend/qemu/builder.h"

/* What the address space of devices that are memory is counted in. */
#define BLOCK_MIB 128u

/* QEMU's default is anonymous memory, which no other process can see and which comes as it is touched. */
bool
kata_qemu__has_backend (const kata_vm_plan *p)
{
  return p->share_kind == KATA_SHARE_VIRTIOFS || p->hugepages || p->prealloc || p->numa != NULL ||
         p->confidential != KATA_CONFIDENTIAL_NONE;
}

/* An NVDIMM and virtio-pmem are memory: they need a slot, and room above the guest's own. */
static void
add_size (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  uint64_t image_mib = p->image_driver != KATA_IMAGE_BLK ? p->image_size >> 20 : 0;
  if (image_mib == 0)
    kata_qemu__add (b, "-m", "%" G_GUINT64_FORMAT "M", p->memory_mib);
  else
    kata_qemu__add (b, "-m", "%" G_GUINT64_FORMAT "M,slots=1,maxmem=%" G_GUINT64_FORMAT "M", p->memory_mib,
                    p->memory_mib + (image_mib / BLOCK_MIB + 1) * BLOCK_MIB);
}

static void
add_backend (kata_qemu_builder *b, const char *name, uint64_t mib, const char *more)
{
  const kata_vm_plan *p = b->plan;
  kata_qemu__add (b, "-object", "memory-backend-memfd,id=%s,size=%" G_GUINT64_FORMAT "M,share=on%s%s%s", name, mib,
                  p->hugepages ? ",hugetlb=on" : "", p->prealloc ? ",prealloc=on" : "", more);
}

/* The share of @total that node @i of @n has: the first ones have one more. */
static uint64_t
share_of (uint64_t total, uint64_t n, uint64_t i)
{
  return total / n + (i < total % n ? 1 : 0);
}

/* Processors one behind the other; a node without any has memory only. */
static void
add_nodes (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  uint64_t n = g_strv_length ((char **) p->numa), first = 0;
  for (uint64_t i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("memory%" G_GUINT64_FORMAT, i);
    g_auto (GStrv) ranges = g_strsplit (p->numa[i], ",", -1);
    g_autoptr (GString) bound = g_string_new (",policy=bind"), cpus = g_string_new (NULL);
    uint64_t vcpus = share_of (p->vcpus, n, i);
    for (char **range = ranges; *range != NULL; range++)
      g_string_append_printf (bound, ",host-nodes=%s", *range);
    add_backend (b, name, share_of (p->memory_mib, n, i), bound->str);
    if (vcpus != 0)
      g_string_append_printf (cpus, ",cpus=%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, first, first + vcpus - 1);
    kata_qemu__add (b, "-numa", "node,nodeid=%" G_GUINT64_FORMAT ",memdev=%s%s", i, name, cpus->str);
    first += vcpus;
  }
}

void
kata_qemu__add_memory (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  add_size (b);
  if (p->numa != NULL)
    add_nodes (b);
  else if (kata_qemu__has_backend (p))
    add_backend (b, "memory", p->memory_mib, "");
}

/* Guests share the host's pages of the file; none can write into it. */
void
kata_qemu__add_image_memory (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  g_autofree char *file = kata_qemu__quoted (p->image);
  kata_qemu__add (b, "-object",
                  "memory-backend-file,id=image,mem-path=%s,size=%" G_GUINT64_FORMAT ",share=on,readonly=on", file,
                  p->image_size);
  if (p->image_driver == KATA_IMAGE_NVDIMM)
    kata_qemu__add (b, "-device", "nvdimm,id=image-dimm,memdev=image,unarmed=on");
  else
    kata_qemu__add (b, "-device", "virtio-pmem-%s,id=image-pmem,memdev=image%s", b->bus, b->platform);
}
