/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tap: /dev/net/tun, and a macvtap's device found by a sysfs of our own. */
#include "host/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"

#define TUN "/dev/net/tun"

static int
tap_error (kata_error **err, const char *name, int errnum, const char *what)
{
  int code = errnum == EPERM || errnum == EACCES ? KATA_E_PERMISSION : errnum == EBUSY ? KATA_E_BUSY : KATA_E_IO;
  return kata_error__errno (err, code, name, errnum, "tap \"%s\": %s%s", name, what,
                            code == KATA_E_PERMISSION ? " (needs root or CAP_NET_ADMIN)"
                            : code == KATA_E_BUSY     ? " (another program holds it)"
                                                      : "");
}

static int
open_queue (int *out, char name[IFNAMSIZ], bool multi_queue, kata_error **err)
{
  struct ifreq request = { 0 };
  kata_auto_fd int fd = open (TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return kata_error__errno (err, errno == EACCES || errno == EPERM ? KATA_E_PERMISSION : KATA_E_HOST, TUN, errno,
                              "%s: taps cannot be made (modprobe tun)", TUN);
  g_strlcpy (request.ifr_name, name, IFNAMSIZ);
  request.ifr_flags = (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi_queue ? IFF_MULTI_QUEUE : 0));
  if (ioctl (fd, TUNSETIFF, &request) != 0)
    return tap_error (err, name, errno, "attach");
  g_strlcpy (name, request.ifr_name, IFNAMSIZ);
  *out = kata_fd__steal (&fd);
  return 0;
}

static void
close_all (int *fds, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    kata_fd__closep (&fds[i]);
}

int
kata_tap__open (int *fds, unsigned n, char name[IFNAMSIZ], bool multi_queue, kata_error **err)
{
  for (unsigned i = 0; i < n; i++) {
    int r = open_queue (&fds[i], name, multi_queue, err);
    if (r != 0) {
      close_all (fds, i);
      return r;
    }
  }
  return 0;
}

int
kata_tap__keep (int fd, const char *name, uint32_t uid, kata_error **err)
{
  if (uid != 0 && ioctl (fd, TUNSETOWNER, (unsigned long) uid) != 0)
    return tap_error (err, name, errno, "let its user open it");
  return ioctl (fd, TUNSETPERSIST, 1L) == 0 ? 0 : tap_error (err, name, errno, "keep it");
}

/* A file system of our own that no path leads to. */
static int
mount_detached (const char *type)
{
  kata_auto_fd int fs = fsopen (type, FSOPEN_CLOEXEC);
  if (fs < 0 || fsconfig (fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
    return -1;
  return fsmount (fs, FSMOUNT_CLOEXEC, 0);
}

/* The number of the device: sysfs shows the interfaces of the namespace in which it was mounted. */
static int
macvtap_device (dev_t *out, const char *name, unsigned index)
{
  char text[64], path[128];
  unsigned major_number, minor_number;
  kata_auto_fd int sysfs = mount_detached ("sysfs");
  snprintf (path, sizeof path, "class/net/%s/tap%u/dev", name, index);
  kata_auto_fd int fd = sysfs >= 0 ? openat (sysfs, path, O_RDONLY | O_CLOEXEC) : -1;
  ssize_t n = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
  if (n < 0)
    return -errno;
  text[n] = '\0';
  if (sscanf (text, "%u:%u", &major_number, &minor_number) != 2)
    return -EINVAL;
  *out = makedev (major_number, minor_number);
  return 0;
}

static int
open_macvtap_queue (int *out, int tmpfs, const char *name, bool multi_queue, kata_error **err)
{
  struct ifreq request = { .ifr_flags =
                               (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi_queue ? IFF_MULTI_QUEUE : 0)) };
  kata_auto_fd int fd = openat (tmpfs, "tap", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return tap_error (err, name, errno, "open its device");
  g_strlcpy (request.ifr_name, name, IFNAMSIZ);
  if (ioctl (fd, TUNSETIFF, &request) != 0)
    return tap_error (err, name, errno, "attach");
  *out = kata_fd__steal (&fd);
  return 0;
}

int
kata_macvtap__open (int *fds, unsigned n, const char *name, unsigned index, kata_error **err)
{
  dev_t device = 0;
  int r = macvtap_device (&device, name, index);
  if (r < 0)
    return tap_error (err, name, -r, "find its device");
  kata_auto_fd int tmpfs = mount_detached ("tmpfs");
  if (tmpfs < 0 || mknodat (tmpfs, "tap", S_IFCHR | 0600, device) != 0)
    return tap_error (err, name, errno, "make a node for its device");
  for (unsigned i = 0; i < n; i++) {
    r = open_macvtap_queue (&fds[i], tmpfs, name, n > 1, err);
    if (r != 0) {
      close_all (fds, i);
      return r;
    }
  }
  return 0;
}
