/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-memory: the guest's memory in QEMU's words, and an image that lies in it. */
#include "backend/qemu/builder.h"

/* What the address space of devices that are memory is counted in. */
#define BLOCK_MIB 128u

/* QEMU's default is anonymous memory, which no other process can see and which comes as it is touched. */
bool
kata_qemu__has_backend (const kata_vm_plan *p)
{
  return p->share_kind == KATA_SHARE_VIRTIOFS || p->hugepages || p->prealloc;
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

void
kata_qemu__add_memory (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  add_size (b);
  if (kata_qemu__has_backend (p))
    kata_qemu__add (b, "-object", "memory-backend-memfd,id=memory,size=%" G_GUINT64_FORMAT "M,share=on%s%s",
                    p->memory_mib, p->hugepages ? ",hugetlb=on" : "", p->prealloc ? ",prealloc=on" : "");
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
