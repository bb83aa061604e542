/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock: takes a context id that no other guest on the host has. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/fd.h"

#define CID_FIRST 3u
#define TRIES     64

int
kata_qemu__take_cid (int *out, uint32_t *out_cid, uint32_t wanted, kata_error **err)
{
  kata_auto_fd int fd = open ("/dev/vhost-vsock", O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_HOST, "/dev/vhost-vsock", errno, "vsock: /dev/vhost-vsock");
  /* The kernel keeps the list: setting an id that is taken fails. At random, because two processes may do this at once. */
  for (int i = 0; i < TRIES; i++) {
    uint64_t cid = wanted != 0 ? wanted : CID_FIRST + g_random_int () % (UINT32_MAX - 1 - CID_FIRST);
    if (ioctl (fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0) {
      *out_cid = (uint32_t) cid;
      *out = kata_fd__steal (&fd);
      return 0;
    }
    if (errno != EADDRINUSE)
      return kata_error__errno (err, KATA_E_HOST, "/dev/vhost-vsock", errno, "vsock: take context id %u",
                                (unsigned) cid);
    if (wanted != 0)
      return kata_error__set (err, KATA_E_BUSY, NULL, "vsock: context id %u is taken by another guest", wanted);
  }
  return kata_error__set (err, KATA_E_BUSY, NULL, "vsock: no free context id found");
}
