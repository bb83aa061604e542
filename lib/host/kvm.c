/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm: opens the device, asks its version, reads the CPU's flags. */
#include "host/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"

#define CPUINFO_LINE_MAX 16384

#if defined(__x86_64__) || defined(__i386__)
/* A whole word in the first "flags" line. */
static bool
has_flag (const char *line, const char *flag)
{
  size_t len = strlen (flag);
  for (const char *p = line; (p = strstr (p, flag)) != NULL; p += len)
    if ((p == line || p[-1] == ' ' || p[-1] == '\t') && (p[len] == ' ' || p[len] == '\n' || p[len] == '\0'))
      return true;
  return false;
}

static bool
cpu_virtualizes (const char *cpuinfo, char *reason, size_t size)
{
  char line[CPUINFO_LINE_MAX];
  FILE *file = fopen (cpuinfo, "re");
  if (file == NULL) {
    snprintf (reason, size, "%s cannot be read: %s", cpuinfo, strerrordesc_np (errno));
    return false;
  }
  bool found = false;
  while (!found && fgets (line, sizeof line, file) != NULL)
    found = strncmp (line, "flags", 5) == 0 && (has_flag (line, "vmx") || has_flag (line, "svm"));
  fclose (file);
  if (!found)
    snprintf (reason, size,
              "/dev/kvm is there but the CPU shows neither vmx nor svm (software or nested without hardware help); "
              "enable (nested) virtualization in the firmware or the hypervisor above");
  return found;
}
#else
/* Elsewhere the kernel offers KVM only where the CPU has it. */
static bool
cpu_virtualizes (const char *cpuinfo, char *reason, size_t size)
{
  return true;
}
#endif

bool
kata_kvm__usable (const kata_kvm_paths *paths, char *reason, size_t size)
{
  static const kata_kvm_paths real = { "/dev/kvm", "/proc/cpuinfo" };
  if (paths == NULL)
    paths = &real;
  kata_auto_fd int fd = open (paths->device, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    const char *remedy = errno == ENOENT   ? "; enable virtualization in the firmware and load kvm_intel or kvm_amd"
                         : errno == EACCES ? "; add the user to group kvm"
                                           : "";
    snprintf (reason, size, "%s: %s%s", paths->device, strerrordesc_np (errno), remedy);
    return false;
  }
  int version = ioctl (fd, KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) {
    snprintf (reason, size, "%s: not a KVM device of API version %d", paths->device, KVM_API_VERSION);
    return false;
  }
  return cpu_virtualizes (paths->cpuinfo, reason, size);
}
