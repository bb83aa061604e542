/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confidential: what this host lacks for guests that it cannot look into; reads module parameters, starts nothing. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

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
amd (const char *root)
{
  char snp = parameter (root, "/sys/module/kvm_amd/parameters/sev_snp");
  if (snp == 0)
    return g_strdup ("SEV-SNP: kvm_amd has no parameter sev_snp; a host kernel of Linux 6.11 is needed");
  if (!is_on (snp))
    return g_strdup (
        "SEV-SNP: kvm_amd's sev_snp is N; switch SEV-SNP on in the firmware and load kvm_amd with sev_snp=1");
  if (!is_there (root, "/dev/sev"))
    return g_strdup ("SEV-SNP: /dev/sev is not there; load the module ccp");
  return NULL;
}

static char *
intel (const char *root)
{
  char tdx = parameter (root, "/sys/module/kvm_intel/parameters/tdx");
  if (tdx == 0)
    return g_strdup ("TDX: kvm_intel has no parameter tdx; a host kernel of Linux 6.16 is needed");
  if (!is_on (tdx))
    return g_strdup ("TDX: kvm_intel's tdx is N; switch TDX on in the firmware and load kvm_intel with tdx=1");
  return NULL;
}

char *
kata_qemu__lacks_confidential (const char *root)
{
  bool has_amd = is_there (root, "/sys/module/kvm_amd"), has_intel = is_there (root, "/sys/module/kvm_intel");
  char *why = has_amd ? amd (root) : has_intel ? intel (root) : NULL;
  if (!has_amd && !has_intel)
    why = g_strdup ("neither kvm_amd (SEV-SNP) nor kvm_intel (TDX) is loaded on this host");
  /* What is so everywhere comes first; the table of hypervisors ends there. */
  char *text = g_strconcat ("this version of libkata does not drive QEMU's confidential", why != NULL ? "; here: " : "",
                            why != NULL ? why : "", NULL);
  g_free (why);
  return text;
}
