/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fd: file descriptors that close themselves; header only, no GLib, shared with the guest's agent. */
#ifndef KATA_BASE_FD_H
#define KATA_BASE_FD_H

#include <errno.h>
#include <unistd.h>

/* Closes and keeps errno: a close on the way out of a failure must not hide why. */
static inline void
kata_fd__close (int fd)
{
  if (fd >= 0) {
    int saved = errno;
    close (fd);
    errno = saved;
  }
}

static inline void
kata_fd__closep (int *fd)
{
  kata_fd__close (*fd);
  *fd = -1;
}

static inline int
kata_fd__steal (int *fd)
{
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

/** `kata_auto_fd int fd = -1;` closes at the end of the scope; hand it on with kata_fd__steal(). */
#define kata_auto_fd __attribute__ ((cleanup (kata_fd__closep)))

#endif
