/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* init: boot of the guest; only the process with the number 1 runs it. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup.h"
#include "file.h"
#include "mem.h"
#include "modules.h"
#include "thread.h"

static const struct {
  const char *source, *target, *fstype, *data;
  unsigned long flags;
} boot_mounts[] = {
  { "proc", "/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
  { "sysfs", "/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
  { "devtmpfs", "/dev", "devtmpfs", "mode=0755", MS_NOSUID },
  { "devpts", "/dev/pts", "devpts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC },
  { "shm", "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
  { "run", "/run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV },
  { "tmp", "/tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
  { "cgroup2", "/sys/fs/cgroup", "cgroup2", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

/*
 * The kernel refuses pivot_root to leave the first root file system, and crun needs it. So the initrd's root is bound on itself and
 * moved over the first one; nothing is copied.
 */
static void
leave_first_root (struct agent *agent)
{
  struct statfs fs;
  if (statfs ("/", &fs) < 0 || (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC))
    return;
  mkdir ("/.root", 0700);
  if (mount ("/", "/.root", NULL, MS_BIND, NULL) < 0 || chdir ("/.root") < 0 ||
      mount (".", "/", NULL, MS_MOVE, NULL) < 0 || chroot (".") < 0 || chdir ("/") < 0)
    log_error (&agent->log, "cannot make the root movable: %s; containers will not start", strerror (errno));
}

static void
mount_all (struct agent *agent)
{
  for (size_t i = 0; i < sizeof boot_mounts / sizeof boot_mounts[0]; i++) {
    mkdir (boot_mounts[i].target, 0755);
    /* EBUSY: the kernel or a root image has mounted it before us. */
    if (mount (boot_mounts[i].source, boot_mounts[i].target, boot_mounts[i].fstype, boot_mounts[i].flags,
               boot_mounts[i].data) < 0 &&
        errno != EBUSY)
      log_error (&agent->log, "cannot mount %s: %s", boot_mounts[i].target, strerror (errno));
  }
}

static void
open_console (void)
{
  if (fcntl (STDOUT_FILENO, F_GETFD) >= 0)
    return;
  int fd = open ("/dev/console", O_RDWR | O_NOCTTY);
  for (int i = 0; fd >= 0 && i < 3; i++)
    if (fd != i)
      dup2 (fd, i);
  if (fd > 2)
    close (fd);
}

static void
raise_loopback (struct agent *agent)
{
  struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
  auto_fd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl (fd, SIOCSIFFLAGS, &request) < 0)
    log_warn (&agent->log, "cannot bring up the loopback interface: %s", strerror (errno));
}

/* File systems and socket families that come as modules are then there when first used, in containers too. */
static void
become_modprobe (struct agent *agent)
{
  char path[128];
  ssize_t n = readlink ("/proc/self/exe", path, sizeof path - 1);
  path[n > 0 ? n : 0] = 0;
  if (file_write ("/proc/sys/kernel/modprobe", path) < 0)
    log_debug (&agent->log, "no modules on demand: %s", strerror (errno));
}

void
init_boot (struct agent *agent)
{
  char text[4096];
  umask (022);
  leave_first_root (agent);
  mount_all (agent);
  open_console ();
  if (file_read ("/proc/cmdline", text, sizeof text) > 0)
    cmdline_parse (&agent->options, &agent->log, text);
  agent->log.level = agent->options.level;
  become_modprobe (agent);
  modules_load_list (&agent->log, "/etc/kata-modules");
  modules_load_devices (&agent->log);
  cgroup_enable_controllers (CGROUP_ROOT);
  mkdir (CGROUP_ROOT CGROUP_PARENT, 0755);
  cgroup_enable_controllers (CGROUP_ROOT CGROUP_PARENT);
  raise_loopback (agent);
  sethostname ("localhost", 9);
}

static void *
console_run (void *data)
{
  struct agent *agent = data;
  char *const argv[] = { (char *) "/bin/sh", NULL };
  for (;;) {
    struct watch watch;
    int fd = open ("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    const int stdio[3] = { fd, fd, fd };
    if (fd < 0 || watch_init (&watch) < 0)
      return NULL;
    int result = reaper_spawn (&agent->reaper, &watch, argv[0], argv, stdio);
    close (fd);
    if (result < 0) {
      log_warn (&agent->log, "debug console: /bin/sh: %s", strerror (-result));
      watch_clear (&watch);
      return NULL;
    }
    while (!watch_status (&agent->reaper, &watch, NULL))
      usleep (200000);
    reaper_forget (&agent->reaper, &watch);
    watch_clear (&watch);
  }
}

void
init_debug_console (struct agent *agent)
{
  if (agent->options.debug_console && thread_start (console_run, agent) < 0)
    log_warn (&agent->log, "debug console: no thread");
}
