/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: can this host run containers in virtual machines? One function per requirement, each with what to do. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/hypervisor.h"
#include "api/report.h"
#include "base/json-write.h"
#include "host/kvm.h"
#include "sandbox/runtime.h"
#include "sandbox/settings.h"

struct check {
  kata_runtime *runtime;
  struct kata_json_writer w;
  const char *hypervisor;
  kata_capabilities caps; /* of it; all lacking when it cannot be probed */
  kata_vm_plan plan;      /* what it would be started with */
};

static void
row (struct check *check, const char *name, bool required, bool ok, const char *detail, const char *remedy)
{
  kata_json_write__begin_object (&check->w, NULL);
  kata_json_write__string (&check->w, "name", name);
  kata_json_write__bool (&check->w, "ok", ok);
  kata_json_write__bool (&check->w, "required", required);
  kata_json_write__string (&check->w, "detail", detail);
  kata_json_write__string (&check->w, "remedy", ok ? NULL : remedy);
  kata_json_write__end_object (&check->w);
}

static void
check_root (struct check *check)
{
  bool ok = geteuid () == 0;
  g_autofree char *detail = g_strdup_printf ("user %u", (unsigned) geteuid ());
  row (check, "privileges", true, ok, detail, "run as root: directories are shared with the guest by bind mounts");
}

static void
check_state_dir (struct check *check)
{
  bool ok = faccessat (check->runtime->state_fd, ".", W_OK, AT_EACCESS) == 0;
  row (check, "state-dir", true, ok, check->runtime->state_dir, "make it writable, or name another state directory");
}

static bool
is_builtin (const struct check *check)
{
  return strcmp (check->hypervisor, "builtin") == 0;
}

static void
check_kvm (struct check *check)
{
  char reason[200] = "";
  bool ok = kata_kvm__usable (NULL, reason, sizeof reason);
  row (check, "kvm", is_builtin (check), ok, ok ? "hardware virtualization can be used" : reason,
       "enable virtualization in the firmware (or nested virtualization); without it QEMU emulates, about 10 times "
       "slower");
}

/* What the host lacks is in the detail. A backend of the caller's own says there what to do, too. */
static const char *
hypervisor_remedy (const struct check *check)
{
  if (strcmp (check->hypervisor, "qemu") == 0)
    return "install it (Debian: qemu-system-x86) or set hypervisor.qemu.path in the configuration";
  if (is_builtin (check) && !kata_capabilities__has (&check->caps, KATA_CAP_KVM))
    return "the built-in microVMM needs KVM with vmx or svm: enable virtualization in the firmware (or nested "
           "virtualization), or use qemu, which can do without";
  if (is_builtin (check))
    return "install libkata's kata-vmm, set hypervisor.builtin.path in the configuration, or set "
           "hypervisor.builtin.isolation to thread";
  return "use a hypervisor that can run here: qemu or builtin";
}

static void
check_hypervisor (struct check *check)
{
  bool ok = kata_capabilities__has (&check->caps, KATA_CAP_RUN);
  g_autofree char *detail = ok ? g_strdup_printf ("%s %s %s", check->hypervisor, check->caps.version, check->caps.path)
                               : g_strdup_printf ("%s: %s", check->hypervisor, check->caps.reason[KATA_CAP_RUN]);
  row (check, "hypervisor", true, ok, detail, hypervisor_remedy (check));
}

static void
check_sharing (struct check *check)
{
  bool virtiofs = kata_capabilities__has (&check->caps, KATA_CAP_FS_SHARE_VIRTIOFS);
  bool ninep = kata_capabilities__has (&check->caps, KATA_CAP_FS_SHARE_9P);
  bool block = kata_capabilities__has (&check->caps, KATA_CAP_BLOCK);
  g_autofree char *packer = g_find_program_in_path ("mkfs.erofs");
  row (check, "virtiofsd", !ninep && !(block && packer != NULL), virtiofs,
       virtiofs ? "directories are shared by virtio-fs" : check->caps.reason[KATA_CAP_FS_SHARE_VIRTIOFS],
       "install virtiofsd (Debian 12: qemu-system-common, later: virtiofsd) or set hypervisor.NAME.virtio_fs_daemon");
  row (check, "9p", false, ninep, ninep ? "directories can be shared by 9p" : check->caps.reason[KATA_CAP_FS_SHARE_9P],
       "not needed when virtiofsd works");
  if (!virtiofs && !ninep && block)
    row (check, "mkfs.erofs", true, packer != NULL, packer != NULL ? "directories are packed into a disk" : "not found",
         "install erofs-utils: without it, and with no directory shared, containers need disk images");
}

static void
check_file (struct check *check, const char *name, bool required, const char *path, const char *remedy)
{
  struct stat st;
  bool given = path != NULL && path[0] != '\0';
  bool there = given && stat (path, &st) == 0 && access (path, R_OK) == 0, ok = there && S_ISREG (st.st_mode);
  const char *why = there ? "no file" : g_strerror (errno);
  g_autofree char *detail = !given ? g_strdup ("none is configured or installed")
                            : ok ? g_strdup_printf ("%s (%" G_GUINT64_FORMAT " KiB)", path, (guint64) st.st_size / 1024)
                                 : g_strdup_printf ("%s: %s", path, why);
  row (check, name, required, ok, detail, remedy);
}

static void
check_guest (struct check *check)
{
  const kata_vm_plan *plan = &check->plan;
  bool image = plan->image != NULL && plan->image[0] != '\0';
  check_file (check, "guest-kernel", true, plan->kernel,
              "build the guest image (guest/image) or set hypervisor.NAME.kernel");
  check_file (check, image ? "guest-image" : "guest-initrd", true, image ? plan->image : plan->initrd,
              "build the guest image (guest/image) or set hypervisor.NAME.initrd");
}

static void
check_device (struct check *check, const char *name, const char *path, const char *good, const char *remedy)
{
  int fd = open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  g_autofree char *detail =
      fd >= 0 ? g_strdup_printf ("%s: %s", path, good) : g_strdup_printf ("%s: %s", path, g_strerror (errno));
  row (check, name, false, fd >= 0, detail, remedy);
  if (fd >= 0)
    close (fd);
}

static void
check_cgroup (struct check *check)
{
  bool v2 = access ("/sys/fs/cgroup/cgroup.controllers", R_OK) == 0;
  row (
      check, "cgroup", false, v2, v2 ? "cgroup v2" : "no pure cgroup v2 hierarchy",
      "limits inside the guest work all the same; for limits on the host boot with systemd.unified_cgroup_hierarchy=1");
}

static void
probe (struct check *check, kata_arena *arena)
{
  g_autoptr (kata_error) error = NULL;
  kata_hypervisor *hypervisor = NULL;
  kata_plan__probe (&check->plan, arena, check->runtime->config, check->hypervisor, &check->runtime->guest, NULL);
  kata_capabilities__init (&check->caps);
  if (kata_hypervisor_open (&hypervisor, check->runtime, check->hypervisor, &error) == 0)
    check->caps = hypervisor->caps;
  else
    kata_capabilities__lack (&check->caps, KATA_CAP_RUN, "%s", kata_error_get_message (error));
  kata_hypervisor_unref (hypervisor);
}

int
kata_report__check (char **json, kata_runtime *runtime, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autofree struct check *check = g_new0 (struct check, 1);
  check->runtime = runtime;
  check->hypervisor = kata_settings__hypervisor (runtime);
  check->plan.size = sizeof check->plan;
  probe (check, arena);
  kata_json_write__init (&check->w, false);
  kata_json_write__begin_array (&check->w, NULL);
  check_root (check);
  check_state_dir (check);
  check_hypervisor (check);
  check_kvm (check);
  check_sharing (check);
  check_guest (check);
  check_device (check, "vhost-vsock", "/dev/vhost-vsock", "the guest is reached over vsock",
                "modprobe vhost_vsock; without it the guest is reached over a serial port");
  check_device (check, "tun", "/dev/net/tun", "network devices for guests can be made", "modprobe tun");
  check_cgroup (check);
  kata_json_write__end_array (&check->w);
  *json = kata_json_write__finish (&check->w);
  return 0;
}
