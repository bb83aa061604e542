/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kata-proxy: the host's process for a process in a virtual machine: passes signals and sizes on, ends as it ends. Not linked with libkata. */
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By system call: not every C library has wrappers. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#define MOVE_BOTH_EMPTY     (0x4 | 0x40)      /* MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH */
#define CONFIG_CREATE       6                 /* FSCONFIG_CMD_CREATE */
#define MOUNT_ATTR_NO_PROGS (0x2 | 0x4 | 0x8) /* nosuid, nodev, noexec */

static int
open_below (int directory, const char *name)
{
  struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
  return (int) syscall (SYS_openat2, directory, name, &how, sizeof how);
}

/* So that tools that enter our mount namespace (podman top) see our pid namespace and not the host's. */
static int
mount_proc (int root)
{
  int target = open_below (root, "proc");
  int context = target < 0 ? -1 : (int) syscall (SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);
  if (context < 0 || syscall (SYS_fsconfig, context, CONFIG_CREATE, NULL, NULL, 0) < 0)
    return -1;
  int tree = (int) syscall (SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, MOUNT_ATTR_NO_PROGS);
  int rc = tree < 0 ? -1 : (int) syscall (SYS_move_mount, tree, "", target, "", MOVE_BOTH_EMPTY);
  close (tree);
  close (context);
  close (target);
  return rc;
}

/* A tmpfs with nothing but proc, for a container whose root is no directory of the host. */
static int
empty_root (void)
{
  int context = (int) syscall (SYS_fsopen, "tmpfs", 1);
  if (context < 0 || syscall (SYS_fsconfig, context, CONFIG_CREATE, NULL, NULL, 0) < 0)
    return -1;
  int tree = (int) syscall (SYS_fsmount, context, 1, MOUNT_ATTR_NO_PROGS);
  close (context);
  return tree >= 0 && mkdirat (tree, "proc", 0555) == 0 ? tree : -1;
}

/* The descriptor says which folder, but it belongs to our creator's mount namespace: the same one is found again by its path in ours. */
static int
open_root (const char *path)
{
  struct stat wanted, found;
  if (fstat (PROXY_ROOTFS_FD, &wanted) < 0 || !S_ISDIR (wanted.st_mode))
    return -1;
  int fd = open (path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && fstat (fd, &found) == 0 && found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino)
    return fd;
  close (fd);
  return -1;
}

/* The container's root becomes ours, and the host's mounts go: nothing of the host is held or seen through us. */
static int
enter_root (const char *path)
{
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    return -1;
  int at = open_root (path);
  int tree =
      at < 0 ? empty_root () : (int) syscall (SYS_open_tree, at, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | O_CLOEXEC);
  if (at < 0)
    at = open ("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC); /* any folder that is there */
  if (tree < 0 || at < 0)
    return -1;
  if (syscall (SYS_move_mount, tree, "", at, "", MOVE_BOTH_EMPTY) < 0 || fchdir (tree) < 0)
    return -1;
  mount_proc (tree); /* an image may have no /proc: then there is none */
  if (syscall (SYS_pivot_root, ".", ".") < 0 || umount2 (".", MNT_DETACH) < 0 || chdir ("/") < 0)
    return -1;
  close (at);
  close (tree);
  return 0;
}

/* Our creator has the right to write our map; we have it no more. */
static int
enter_user_namespace (void)
{
  char byte = 'U';
  return unshare (CLONE_NEWUSER) == 0 && write (PROXY_SETUP_FD, &byte, 1) == 1 &&
                 read (PROXY_SETUP_FD, &byte, 1) == 1 && byte == 'u'
             ? 0
             : -1;
}

static int
drop_privileges (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[2] = { { 0 } };
  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall (SYS_capset, &header, none) == 0 ? 0 : -1;
}

static void
send_size (void)
{
  struct winsize size;
  if (ioctl (PROXY_TTY_FD, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
    return;
  struct proxy_packet packet = { .type = PROXY_RESIZE, .rows = size.ws_row, .columns = size.ws_col };
  send (PROXY_CONTROL_FD, &packet, sizeof packet, MSG_NOSIGNAL);
}

static void
took_signal (int signals)
{
  struct signalfd_siginfo info;
  if (read (signals, &info, sizeof info) != (ssize_t) sizeof info || info.ssi_signo == SIGCHLD)
    return;
  if (info.ssi_signo == SIGWINCH && isatty (PROXY_TTY_FD)) {
    send_size ();
    return;
  }
  struct proxy_packet packet = { .type = PROXY_SIGNAL, .value = (uint8_t) info.ssi_signo };
  send (PROXY_CONTROL_FD, &packet, sizeof packet, MSG_NOSIGNAL);
}

/* Until the process in the guest has ended; returns its status. */
static int
stand_in (int signals)
{
  struct pollfd polls[] = { { .fd = PROXY_CONTROL_FD, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
  for (;;) {
    struct proxy_packet packet;
    if (poll (polls, 2, -1) < 0) {
      if (errno == EINTR)
        continue;
      return PROXY_LOST;
    }
    if (polls[1].revents)
      took_signal (signals);
    if (!polls[0].revents)
      continue;
    ssize_t n = recv (PROXY_CONTROL_FD, &packet, sizeof packet, 0);
    if (n <= 0)
      return PROXY_LOST;
    if (n == (ssize_t) sizeof packet && packet.type == PROXY_EXIT)
      return packet.value;
  }
}

static int
set_up (const char *root)
{
  /* A session of our own, so that the terminal's keys and hang-ups of our creator's do not reach us; the terminal's sizes shall. */
  if (setsid () < 0)
    return -1;
  if (isatty (PROXY_TTY_FD) && ioctl (PROXY_TTY_FD, TIOCSCTTY, 0) < 0)
    return -1;
  if (enter_root (root) < 0 || enter_user_namespace () < 0)
    return -1;
  close (PROXY_ROOTFS_FD);
  return drop_privileges ();
}

int
main (int argc, char **argv)
{
  sigset_t all;
  sigfillset (&all);
  if (sigprocmask (SIG_SETMASK, &all, NULL) < 0)
    return PROXY_LOST;
  int signals = signalfd (-1, &all, SFD_CLOEXEC);
  if (signals < 0 || set_up (argc > 1 ? argv[1] : "") < 0) {
    int number = errno;
    char report[2] = { 'E', (char) number };
    return write (PROXY_SETUP_FD, report, sizeof report) < 0 ? PROXY_LOST : PROXY_LOST;
  }
  if (write (PROXY_SETUP_FD, "R", 1) != 1)
    return PROXY_LOST;
  close (PROXY_SETUP_FD);
  return stand_in (signals);
}
