/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confidential: guests whose memory the host cannot read, under QEMU: SEV-SNP and TDX; whether this host has them, its probe said. */
#include <string.h>

#include "plan/build.h"

/* Of the SEV-SNP firmware's ABI. */
#define ID_BLOCK_SIZE 96u
#define ID_AUTH_SIZE  4096u

static int
check_base64 (struct kata_plan_build *b, const char *name, const char *text, gsize size, kata_error **err)
{
  const char *key = kata_plan__key (b, name);
  gsize got = 0;
  size_t len = strlen (text);
  bool clean = len % 4 == 0 && len <= 2 * ID_AUTH_SIZE;
  for (const char *p = text; clean && *p != '\0'; p++)
    clean = g_ascii_isalnum (*p) || strchr ("+/=", *p) != NULL;
  if (clean && len > 0)
    g_free (g_base64_decode (text, &got));
  if (len == 0 || got == size)
    return 0;
  return kata_error__set (err, KATA_E_CONFIG, key, "%s: is not %zu bytes in base64", key, (size_t) size);
}

static int
check_snp (struct kata_plan_build *b, kata_error **err)
{
  const char *key = kata_plan__key (b, "snp_id_block");
  int rc = check_base64 (b, "snp_id_block", b->hv->snp_id_block, ID_BLOCK_SIZE, err);
  if (rc == 0)
    rc = check_base64 (b, "snp_id_auth", b->hv->snp_id_auth, ID_AUTH_SIZE, err);
  if (rc == 0 && (b->hv->snp_id_block[0] == '\0') != (b->hv->snp_id_auth[0] == '\0'))
    rc = kata_error__set (err, KATA_E_CONFIG, key, "%s: snp_id_block and snp_id_auth belong together; set both", key);
  return rc;
}

/* What such a guest cannot be without, or with. */
static int
check_machine (struct kata_plan_build *b, kata_error **err)
{
  const char *firmware = kata_plan__key (b, "firmware"), *volume = kata_plan__key (b, "firmware_volume");
  const char *type = kata_plan__key (b, "machine_type"), *accel = kata_plan__key (b, "accel");
  if (strcmp (b->plan->vm.arch, "x86_64") != 0 || strcmp (b->hv->machine_type, "microvm") == 0)
    return kata_error__set (err, KATA_E_CONFIG, type, "%s: confidential guests are for QEMU's q35 (x86_64) only", type);
  if (b->plan->vm.accel == KATA_ACCEL_TCG)
    return kata_error__set (err, KATA_E_CONFIG, accel, "%s: a confidential guest cannot be emulated; KVM is needed",
                            accel);
  if (b->hv->firmware_volume[0] != '\0' || b->hv->pflashes[0] != NULL)
    return kata_error__set (err, KATA_E_CONFIG, volume,
                            "%s: a confidential guest has no flash memory; name its firmware by the key firmware alone",
                            volume);
  if (b->hv->firmware[0] == '\0')
    return kata_error__set (err, KATA_E_CONFIG, firmware,
                            "%s: a confidential guest starts by firmware that was built for it (OVMF: AMDSEV.fd or "
                            "OVMF.inteltdx.fd); set the key",
                            firmware);
  return 0;
}

int
kata_plan__confidential (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const char *key = kata_plan__key (b, b->hv->confidential_guest ? "confidential_guest" : "sev_snp_guest");
  vm->snp_id_block = kata_plan__text (b, b->hv->snp_id_block);
  vm->snp_id_auth = kata_plan__text (b, b->hv->snp_id_auth);
  if (!b->hv->confidential_guest && !b->hv->sev_snp_guest)
    return 0;
  if (!kata_plan__has (b, KATA_CAP_CONFIDENTIAL))
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: a confidential guest is asked for, but: %s", key,
                            kata_plan__reason (b, KATA_CAP_CONFIDENTIAL));
  int rc = strcmp (b->in->hypervisor, "qemu") == 0 ? check_machine (b, err) : 0;
  if (rc == 0)
    rc = check_snp (b, err);
  vm->confidential = b->hv->sev_snp_guest ? KATA_CONFIDENTIAL_SNP : KATA_CONFIDENTIAL_TDX;
  vm->snp_policy = (uint64_t) b->hv->snp_guest_policy;
  vm->tdx_quote_port = (uint32_t) b->hv->tdx_quote_generation_service_socket_port;
  return rc;
}
