/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netns: setns and unshare move one thread; so a thread is made for it. */
#include "host/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib.h>
#include <linux/nsfs.h>

#include "base/error.h"
#include "base/fd.h"

/* A netlink exchange needs little, libnl a few pages of its own. */
#define STACK_BYTES ((size_t) 512 << 10)

struct visit {
  int fd;
  bool fresh; /* not an old namespace but a new one */
  int (*fn) (void *data, kata_error **err);
  void *data;
  int result;
  kata_error *error;
};

static int
ns_error (kata_error **err, const char *path, int errnum, const char *what)
{
  int code = errnum == ENOENT ? KATA_E_NOT_FOUND : errnum == EPERM || errnum == EACCES ? KATA_E_PERMISSION : KATA_E_IO;
  return kata_error__errno (err, code, path, errnum, "network namespace \"%s\": %s%s", path, what,
                            code == KATA_E_PERMISSION ? " (needs root or CAP_SYS_ADMIN)" : "");
}

uint64_t
kata_netns__inode (int fd)
{
  struct statfs fs;
  struct stat st;
  if (fd < 0 || fstatfs (fd, &fs) != 0 || fs.f_type != NSFS_MAGIC || ioctl (fd, NS_GET_NSTYPE) != CLONE_NEWNET ||
      fstat (fd, &st) != 0)
    return 0;
  return st.st_ino;
}

static uint64_t
inode_of (const char *path)
{
  kata_auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC);
  return kata_netns__inode (fd);
}

int
kata_netns__open (int *out, const char *path, kata_error **err)
{
  /* A fifo in its place would block. */
  kata_auto_fd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return ns_error (err, path, errno, "open");
  uint64_t inode = kata_netns__inode (fd);
  if (inode == 0)
    return kata_error__set (err, KATA_E_INVALID, path, "network namespace \"%s\": the file is no network namespace",
                            path);
  if (inode == inode_of ("/proc/self/ns/net") || inode == inode_of ("/proc/1/ns/net"))
    return kata_error__set (
        err, KATA_E_INVALID, path,
        "network namespace \"%s\": it is the host's; a virtual machine cannot share it, because its "
        "interfaces would be taken from the host; give the pod a namespace of its own",
        path);
  *out = kata_fd__steal (&fd);
  return 0;
}

static void *
visit_main (void *data)
{
  struct visit *visit = data;
  int r = visit->fresh ? unshare (CLONE_NEWNET) : visit->fd >= 0 ? setns (visit->fd, CLONE_NEWNET) : 0;
  if (r == 0)
    visit->result = visit->fn (visit->data, &visit->error);
  else
    visit->result = kata_error__errno (&visit->error, errno == EPERM ? KATA_E_PERMISSION : KATA_E_IO, NULL, errno,
                                       "%s a network namespace%s", visit->fresh ? "make" : "enter",
                                       errno == EPERM ? " (needs root or CAP_SYS_ADMIN)" : "");
  return NULL;
}

static int
visit_run (struct visit *visit, kata_error **err)
{
  pthread_t thread;
  pthread_attr_t attr;
  sigset_t all, before;
  if (pthread_attr_init (&attr) != 0)
    return kata_error__set (err, KATA_E_IO, NULL, "network namespace: no memory for a thread");
  pthread_attr_setstacksize (&attr, STACK_BYTES);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  int r = pthread_create (&thread, &attr, visit_main, visit);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);
  if (r != 0)
    return kata_error__errno (err, KATA_E_IO, NULL, r, "network namespace: make a thread");
  pthread_join (thread, NULL);
  return visit->result == 0 ? 0 : kata_error__propagate (err, visit->error);
}

int
kata_netns__run (int fd, int (*fn) (void *data, kata_error **err), void *data, kata_error **err)
{
  struct visit visit = { .fd = fd, .fn = fn, .data = data };
  return visit_run (&visit, err);
}

static int
open_own (void *data, kata_error **err)
{
  int *out = data;
  *out = open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  return *out >= 0 ? 0 : kata_error__errno (err, KATA_E_IO, NULL, errno, "open a new network namespace");
}

int
kata_netns__new (int *out, kata_error **err)
{
  int fd = -1;
  struct visit visit = { .fresh = true, .fd = -1, .fn = open_own, .data = &fd };
  int r = visit_run (&visit, err);
  if (r == 0)
    *out = fd;
  return r;
}
