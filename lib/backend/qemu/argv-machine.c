/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-machine: the machine and its processors in QEMU's words. */
#include "backend/qemu/builder.h"

#include <string.h>

void
kata_qemu__add_machine (kata_qemu_builder *b)
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
  if (p->image_driver == KATA_IMAGE_NVDIMM)
    g_string_append (machine, ",nvdimm=on");
  if (p->iommu && m->iommu_option != NULL)
    g_string_append (machine, m->iommu_option);
  g_string_append (machine, ",dump-guest-core=off");
  if (p->confidential != KATA_CONFIDENTIAL_NONE)
    g_string_append (machine, ",confidential-guest-support=" KATA_QEMU_SECRET);
  if (kata_qemu__has_backend (p) && p->numa == NULL)
    g_string_append (machine, ",memory-backend=memory");
  if (kata_qemu__given (p->machine_accelerators))
    g_string_append_printf (machine, ",%s", p->machine_accelerators);
  kata_qemu__add (b, "-machine", "%s", machine->str);
  g_string_free (machine, TRUE);
  /* Its transports speak virtio 0.9 unless told otherwise, and vhost-user servers do not. */
  if (strcmp (m->bus, "device") == 0)
    kata_qemu__add (b, "-global", "virtio-mmio.force-legacy=false");
  kata_qemu__add (b, "-accel", "%s", kvm ? "kvm" : "tcg,thread=multi");
  const char *no_nesting = p->no_nesting && strcmp (m->arch, "x86_64") == 0 ? ",vmx=off,svm=off" : "";
  /* SEV-SNP's firmware checks what the processor is said to have, and refuses what it does not know. */
  const char *cpu = p->confidential == KATA_CONFIDENTIAL_SNP ? "EPYC-v4" : kvm ? "host" : m->cpu_tcg;
  kata_qemu__add (b, "-cpu", "%s%s%s%s", cpu, no_nesting, kata_qemu__given (p->cpu_features) ? "," : "",
                  kata_qemu__given (p->cpu_features) ? p->cpu_features : "");
  /* A guest sets memory aside for each vCPU that could come. */
  if (m->resizes && p->max_vcpus > p->vcpus)
    kata_qemu__add (b, "-smp", "%u,maxcpus=%u", p->vcpus, p->max_vcpus);
  else
    kata_qemu__add (b, "-smp", "%u", p->vcpus);
  kata_qemu__add_memory (b);
}
