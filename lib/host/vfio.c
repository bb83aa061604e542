/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio: of each function: that it is there, has an IOMMU group, and that nobody else drives what is in it. */
#include "host/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/pci.h"

/* Besides the guest's memory: what a device's own regions take. */
#define LOCKED_BESIDES_MIB 256u
#define CAP_IPC_LOCK_BIT   14

bool
kata_vfio__usable (const char *root, char *reason, size_t size)
{
  g_autofree char *path = g_strconcat (root, KATA_VFIO_CONTAINER, NULL);
  kata_auto_fd int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd >= 0)
    return true;
  int errnum = errno;
  if (errnum == EACCES || errnum == EPERM)
    g_snprintf (reason, size, KATA_VFIO_CONTAINER ": %s; needs root, or rights for that file", g_strerror (errnum));
  else
    g_snprintf (reason, size,
                KATA_VFIO_CONTAINER ": %s; load the module vfio-pci, and switch the IOMMU on (intel_iommu=on on the "
                                    "kernel's command line; amd_iommu is on by itself)",
                g_strerror (errnum));
  return false;
}

/* Drivers of VFIO beside vfio-pci are for one device each: mlx5_vfio_pci. */
static bool
is_vfio (const char *driver)
{
  return driver != NULL && strstr (driver, "vfio") != NULL;
}

/* What the kernel lets be beside a device that is given away. */
static bool
is_harmless (const char *root, const char *address, const char *driver)
{
  return driver == NULL || is_vfio (driver) || strcmp (driver, "pci-stub") == 0 || kata_pci__is_bridge (root, address);
}

static char *
remedy (const char *address, bool bound)
{
  g_autofree char *unbind =
      bound ? g_strdup_printf (" echo %s > " KATA_PCI_DEVICES "/%s/driver/unbind;", address, address) : g_strdup ("");
  return g_strdup_printf ("libkata rebinds no device; as root: modprobe vfio-pci; echo vfio-pci > " KATA_PCI_DEVICES
                          "/%s/driver_override;%s echo %s > /sys/bus/pci/drivers_probe; or, to stay: driverctl "
                          "set-override %s vfio-pci",
                          address, unbind, address, address);
}

static int
check_driver (const char *root, const char *address, kata_error **err)
{
  g_autofree char *driver = kata_pci__driver (root, address);
  if (is_vfio (driver))
    return 0;
  g_autofree char *what = remedy (address, driver != NULL);
  g_autofree char *bound = driver != NULL ? g_strdup_printf ("bound to %s", driver) : g_strdup ("bound to no driver");
  return kata_error__set (err, KATA_E_HOST, address, "host device %s: is %s, not to vfio-pci: %s", address, bound,
                          what);
}

/* All of a group goes to one guest: its members could reach each other's memory. */
static int
check_group (const char *root, const char *address, int64_t group, kata_error **err)
{
  g_autoptr (GPtrArray) members = kata_pci__members (root, group);
  for (guint i = 0; i < members->len; i++) {
    const char *other = members->pdata[i];
    g_autofree char *driver = kata_pci__driver (root, other);
    if (is_harmless (root, other, driver))
      continue;
    g_autofree char *what = remedy (other, true);
    return kata_error__set (err, KATA_E_HOST, address,
                            "host device %s: its IOMMU group %" G_GINT64_FORMAT
                            " also has %s, which %s drives, and a group is given away as a whole: %s",
                            address, group, other, driver, what);
  }
  return 0;
}

/* VFIO lets one process have a group. That process ends with its guest. */
static int
check_free (const char *root, const char *address, int64_t group, kata_error **err)
{
  g_autofree char *path = g_strdup_printf ("%s/dev/vfio/%" G_GINT64_FORMAT, root, group);
  kata_auto_fd int fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd >= 0)
    return 0;
  int errnum = errno;
  if (errnum == EBUSY)
    return kata_error__set (err, KATA_E_BUSY, address,
                            "host device %s: its IOMMU group %" G_GINT64_FORMAT
                            " is in use by another process, a virtual machine perhaps; end it first",
                            address, group);
  bool denied = errnum == EACCES || errnum == EPERM;
  return kata_error__errno (err, denied ? KATA_E_PERMISSION : KATA_E_HOST, address, errnum,
                            "host device %s: open /dev/vfio/%" G_GINT64_FORMAT "%s", address, group,
                            denied ? " (needs root, or rights for that file)" : "");
}

/* @held: by this very guest. */
static int
check_one (const char *root, const char *address, bool held, kata_error **err)
{
  if (!kata_pci__exists (root, address))
    return kata_error__set (err, KATA_E_NOT_FOUND, address,
                            "host device %s: there is no such PCI function; `lspci -D` lists them", address);
  if (kata_pci__is_bridge (root, address))
    return kata_error__set (err, KATA_E_INVALID, address,
                            "host device %s: is a bridge, which no guest can be given; name what is behind it",
                            address);
  int64_t group = kata_pci__group (root, address);
  if (group < 0)
    return kata_error__set (
        err, KATA_E_HOST, address,
        "host device %s: has no IOMMU group; switch the IOMMU on: in the firmware (VT-d, AMD-Vi), and "
        "on Intel by intel_iommu=on on the kernel's command line",
        address);
  int code = check_driver (root, address, err);
  if (code == 0)
    code = check_group (root, address, group, err);
  return code == 0 && !held ? check_free (root, address, group, err) : code;
}

/* @pid: 0 = this process. One that cannot be looked at may: the VMM says it if not. */
static bool
may_lock_all (int64_t pid)
{
  char line[128];
  g_autofree char *path =
      pid != 0 ? g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/status", pid) : g_strdup ("/proc/self/status");
  FILE *file = fopen (path, "re");
  bool may = file == NULL;
  while (file != NULL && fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, "CapEff:", 7) == 0)
      may = (strtoull (line + 7, NULL, 16) >> CAP_IPC_LOCK_BIT & 1) != 0;
  if (file != NULL)
    fclose (file);
  return may;
}

/* Of another process prlimit() asks for more rights than this file. */
static bool
soft_limit (int64_t pid, uint64_t *bytes)
{
  static const char name[] = "Max locked memory ";
  char line[128];
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/limits", pid);
  FILE *file = fopen (path, "re");
  bool found = false;
  while (!found && file != NULL && fgets (line, sizeof line, file) != NULL)
    if (strncmp (line, name, strlen (name)) == 0) {
      const char *value = line + strlen (name);
      value += strspn (value, " ");
      found = g_ascii_isdigit (*value);
      *bytes = strtoull (value, NULL, 10);
    }
  if (file != NULL)
    fclose (file);
  return found;
}

/* A device writes where it is told, so the guest's memory stays where it is. What a VMM that runs may lock is its soft limit: it was raised at its start. */
static int
check_memory (const char *address, int64_t pid, uint64_t memory_mib, kata_error **err)
{
  struct rlimit limit;
  uint64_t wanted = memory_mib + LOCKED_BESIDES_MIB, most = 0;
  bool limited =
      pid != 0 ? soft_limit (pid, &most) : getrlimit (RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max != RLIM_INFINITY;
  if (limited && pid == 0)
    most = (uint64_t) limit.rlim_max;
  if (!limited || most >> 20 >= wanted || may_lock_all (pid))
    return 0;
  return kata_error__set (err, KATA_E_HOST, address,
                          "host device %s: the guest's memory has to be locked, and %s may lock %" G_GUINT64_FORMAT
                          " MiB only (RLIMIT_MEMLOCK); allow %" G_GUINT64_FORMAT
                          " (LimitMEMLOCK= of the service, memlock in limits.conf)%s, or give it CAP_IPC_LOCK",
                          address, pid != 0 ? "the virtual machine's process" : "this process", most >> 20, wanted,
                          pid != 0 ? " before it starts" : "");
}

int
kata_vfio__check (const char *root, const char *const *addresses, size_t n, uint64_t memory_mib, kata_error **err)
{
  char reason[256];
  if (n == 0)
    return 0;
  if (!kata_vfio__usable (root, reason, sizeof reason))
    return kata_error__set (err, KATA_E_HOST, addresses[0], "host device %s: %s", addresses[0], reason);
  for (size_t i = 0; i < n; i++) {
    int code = check_one (root, addresses[i], false, err);
    if (code < 0)
      return code;
  }
  return check_memory (addresses[0], 0, memory_mib, err);
}

int
kata_vfio__check_late (const char *root, const char *address, const struct kata_vfio_machine *machine, kata_error **err)
{
  char reason[256];
  if (!kata_vfio__usable (root, reason, sizeof reason))
    return kata_error__set (err, KATA_E_HOST, address, "host device %s: %s", address, reason);
  int code = check_one (root, address, machine->has_group, err);
  return code == 0 ? check_memory (address, machine->pid, machine->memory_mib, err) : code;
}

bool
kata_vfio__holds (const char *root, int64_t pid, int64_t group)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/fd", pid);
  g_autofree char *wanted = g_strdup_printf ("%s/dev/vfio/%" G_GINT64_FORMAT, root, group);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  bool holds = false;
  while (!holds && dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *full = g_build_filename (path, name, NULL), *target = g_file_read_link (full, NULL);
    holds = g_strcmp0 (target, wanted) == 0;
  }
  return holds;
}
