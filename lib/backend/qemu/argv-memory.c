/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-memory: the guest's memory in QEMU's words, and an image that lies in it. */
#include "backend/qemu/builder.h"
#include "backend/qemu/resize.h"

/* What the address space of devices that are memory is counted in. */
#define BLOCK_MIB 128u

/* QEMU's default is anonymous memory, which no other process can see and which comes as it is touched. */
bool
kata_qemu__has_backend (const kata_vm_plan *p)
{
  return p->share_kind == KATA_SHARE_VIRTIOFS || p->memory_shared != 0 || p->hugepages || p->prealloc ||
         p->numa != NULL || p->confidential != KATA_CONFIDENTIAL_NONE;
}

static bool
grows (const kata_qemu_builder *b)
{
  return b->machine->resizes && b->plan->max_memory_mib > b->plan->memory_mib;
}

/* An NVDIMM, virtio-pmem and what comes later need room above the guest's own, and those that are DIMMs a slot. */
static void
add_size (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  uint64_t image_mib = p->image_driver != KATA_IMAGE_BLK ? p->image_size >> 20 : 0, most = p->memory_mib;
  uint32_t slots = 0;
  if (image_mib != 0) {
    most += (image_mib / BLOCK_MIB + 1) * BLOCK_MIB;
    slots++;
  }
  if (grows (b)) {
    most += p->max_memory_mib - p->memory_mib;
    slots += p->virtio_mem ? 0 : kata_qemu__room (p).slots;
  }
  g_autofree char *rooms = slots != 0 ? g_strdup_printf (",slots=%u", slots) : g_strdup ("");
  if (most == p->memory_mib)
    kata_qemu__add (b, "-m", "%" G_GUINT64_FORMAT "M", p->memory_mib);
  else
    kata_qemu__add (b, "-m", "%" G_GUINT64_FORMAT "M%s,maxmem=%" G_GUINT64_FORMAT "M", p->memory_mib, rooms, most);
}

/* Empty at first. */
void
kata_qemu__add_late_memory (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  bool memfd = kata_qemu__has_backend (p);
  if (!grows (b) || !p->virtio_mem)
    return;
  kata_qemu__add (b, "-object", "%s,id=" KATA_QEMU_VMEM_BACK ",size=%" G_GUINT64_FORMAT "M%s%s",
                  kata_qemu__memory_type (memfd), p->max_memory_mib - p->memory_mib, memfd ? ",share=on" : "",
                  p->hugepages ? ",hugetlb=on" : "");
  kata_qemu__add (b, "-device", "virtio-mem-%s,id=" KATA_QEMU_VMEM ",memdev=" KATA_QEMU_VMEM_BACK ",requested-size=0%s",
                  b->bus, b->platform);
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

/* Of @n nodes, what node @i has of @total processors that begin at @*first. */
static void
add_cpus (GString *text, uint64_t total, uint64_t n, uint64_t i, uint64_t *first)
{
  uint64_t share = share_of (total, n, i);
  if (share != 0)
    g_string_append_printf (text, ",cpus=%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, *first, *first + share - 1);
  *first += share;
}

/* Processors one behind the other, and behind those of the start the ones that can come later; a node without any has memory only. */
static void
add_nodes (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  uint64_t n = g_strv_length ((char **) p->numa), first = 0, later = p->vcpus;
  for (uint64_t i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("memory%" G_GUINT64_FORMAT, i);
    g_auto (GStrv) ranges = g_strsplit (p->numa[i], ",", -1);
    g_autoptr (GString) bound = g_string_new (",policy=bind"), cpus = g_string_new (NULL);
    for (char **range = ranges; *range != NULL; range++)
      g_string_append_printf (bound, ",host-nodes=%s", *range);
    add_backend (b, name, share_of (p->memory_mib, n, i), bound->str);
    add_cpus (cpus, p->vcpus, n, i, &first);
    if (b->machine->resizes && p->max_vcpus > p->vcpus)
      add_cpus (cpus, p->max_vcpus - p->vcpus, n, i, &later);
    kata_qemu__add (b, "-numa", "node,nodeid=%" G_GUINT64_FORMAT ",memdev=%s%s", i, name, cpus->str);
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
