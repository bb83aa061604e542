/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv-confidential: the object that keeps a guest's memory from the host, in QEMU's words. */
#include "backend/qemu/builder.h"

/* Where Intel's quote generation service listens when it has no port. */
#define QUOTE_SOCKET "/var/run/tdx-qgs/qgs.socket"

static void
add_snp (kata_qemu_builder *b)
{
  const kata_vm_plan *p = b->plan;
  g_autoptr (GString) more = g_string_new (NULL);
  if (kata_qemu__given (p->snp_id_block))
    g_string_append_printf (more, ",id-block=%s,id-auth=%s", p->snp_id_block, p->snp_id_auth);
  /* With the hashes of kernel, initrd and command line the firmware starts no others. */
  kata_qemu__add (b, "-object",
                  "sev-snp-guest,id=" KATA_QEMU_SECRET
                  ",cbitpos=%u,reduced-phys-bits=%u,kernel-hashes=on,policy=%" G_GUINT64_FORMAT "%s",
                  b->context->sev_bit, b->context->sev_bits_lost, p->snp_policy, more->str);
}

static void
add_tdx (kata_qemu_builder *b)
{
  g_autofree char *socket =
      b->plan->tdx_quote_port != 0
          ? g_strdup_printf ("\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"%u\"", b->plan->tdx_quote_port)
          : g_strdup ("\"type\":\"unix\",\"path\":\"" QUOTE_SOCKET "\"");
  kata_qemu__add (b, "-object",
                  "{\"qom-type\":\"tdx-guest\",\"id\":\"" KATA_QEMU_SECRET "\",\"quote-generation-socket\":{%s}}",
                  socket);
}

void
kata_qemu__add_confidential (kata_qemu_builder *b)
{
  if (b->plan->confidential == KATA_CONFIDENTIAL_SNP)
    add_snp (b);
  else if (b->plan->confidential == KATA_CONFIDENTIAL_TDX)
    add_tdx (b);
}
