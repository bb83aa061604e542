/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confidential: what this host lacks for guests that it cannot look into; reads module parameters, starts nothing. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

/* The first QEMU that has the object. */
#define SNP_VERSION 9, 1
#define TDX_VERSION 10, 1

/* The first character of a small file of sysfs; 0 = not there. */
static char
parameter (const char *root, const char *path)
{
  g_autofree char *full = g_strconcat (root, path, NULL);
  char c = 0;
  kata_auto_fd int fd = open (full, O_RDONLY | O_CLOEXEC);
  return fd >= 0 && read (fd, &c, 1) == 1 ? c : 0;
}

static bool
is_there (const char *root, const char *path)
{
  g_autofree char *full = g_strconcat (root, path, NULL);
  return access (full, F_OK) == 0;
}

static bool
is_on (char value)
{
  return value == 'Y' || value == 'y' || value == '1';
}

static char *
too_old (const char *what, const unsigned version[3], unsigned major, unsigned minor)
{
  if (version[0] > major || (version[0] == major && version[1] >= minor))
    return NULL;
  return g_strdup_printf ("%s: QEMU is version %u.%u; %u.%u is needed", what, version[0], version[1], major, minor);
}

static char *
amd (const char *root, const unsigned version[3])
{
  char snp = parameter (root, "/sys/module/kvm_amd/parameters/sev_snp");
  if (snp == 0)
    return g_strdup ("SEV-SNP: kvm_amd has no parameter sev_snp; a host kernel of Linux 6.11 is needed");
  if (!is_on (snp))
    return g_strdup (
        "SEV-SNP: kvm_amd's sev_snp is N; switch SEV-SNP on in the firmware and load kvm_amd with sev_snp=1");
  if (!is_there (root, "/dev/sev"))
    return g_strdup ("SEV-SNP: /dev/sev is not there; load the module ccp");
  return too_old ("SEV-SNP", version, SNP_VERSION);
}

static char *
intel (const char *root, const unsigned version[3])
{
  char tdx = parameter (root, "/sys/module/kvm_intel/parameters/tdx");
  if (tdx == 0)
    return g_strdup ("TDX: kvm_intel has no parameter tdx; a host kernel of Linux 6.16 is needed");
  if (!is_on (tdx))
    return g_strdup ("TDX: kvm_intel's tdx is N; switch TDX on in the firmware and load kvm_intel with tdx=1");
  return too_old ("TDX", version, TDX_VERSION);
}

char *
kata_qemu__lacks_confidential (const char *root, const unsigned version[3])
{
  if (is_there (root, "/sys/module/kvm_amd"))
    return amd (root, version);
  if (is_there (root, "/sys/module/kvm_intel"))
    return intel (root, version);
  return g_strdup ("neither kvm_amd (SEV-SNP) nor kvm_intel (TDX) is loaded on this host");
}

int
kata_qemu__check_confidential (const kata_vm_plan *plan, const char *root, const unsigned version[3], kata_error **err)
{
  static const char key[] = "hypervisor.qemu.confidential_guest";
  if (plan->confidential == KATA_CONFIDENTIAL_NONE)
    return 0;
  g_autofree char *why = kata_qemu__lacks_confidential (root, version);
  bool has_amd = is_there (root, "/sys/module/kvm_amd");
  if (why == NULL && has_amd && plan->confidential == KATA_CONFIDENTIAL_TDX)
    why = g_strdup ("this host has SEV-SNP, not TDX; set sev_snp_guest");
  if (why == NULL && !has_amd && plan->confidential == KATA_CONFIDENTIAL_SNP)
    why = g_strdup ("this host has TDX, not SEV-SNP; leave sev_snp_guest out");
  return why != NULL ? kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: %s", key, why) : 0;
}
