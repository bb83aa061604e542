/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock: /dev/vhost-vsock and AF_VSOCK. */
#include "backend/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/vhost.h>
#include <linux/vm_sockets.h>

#include "base/error.h"
#include "base/fd.h"

#define CID_FIRST 3u
#define TRIES     64
#define RETRY_MS  10

int
kata_vsock__take (int *out, uint32_t *out_cid, uint32_t wanted, kata_error **err)
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

/* 0 with a descriptor, or -errno. */
static int
try_once (int *out, const kata_external_vm *vm, int64_t deadline_us)
{
  struct sockaddr_vm addr = { .svm_family = AF_VSOCK, .svm_cid = vm->cid, .svm_port = vm->port };
  kata_auto_fd int fd = socket (AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  if (connect (fd, (struct sockaddr *) &addr, sizeof addr) < 0) {
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t len = sizeof error;
    if (errno != EINPROGRESS)
      return -errno;
    if (poll (&poller, 1, kata_deadline__poll_ms (kata_deadline__within (deadline_us, 1000))) <= 0)
      return -ETIMEDOUT;
    if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0)
      return error != 0 ? -error : -errno;
  }
  *out = kata_fd__steal (&fd);
  return 0;
}

static bool
worth_a_retry (int result)
{
  switch (-result) {
  case ECONNRESET:
  case ECONNREFUSED:
  case ETIMEDOUT:
  case ENODEV:
  case EHOSTUNREACH:
  case ENETUNREACH:
  case EINTR:
  case EAGAIN:
  case EPIPE:
    return true;
  default:
    return false;
  }
}

int
kata_vsock__connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  for (;;) {
    int fd = -1;
    if (kata_external_vm__ended (vm))
      return kata_external_vm__ended_error (vm, "connect to the agent", err);
    int result = try_once (&fd, vm, env->deadline_us);
    if (result == 0) {
      kata_external__stream (out, fd, -1);
      return 0;
    }
    if (kata_external_vm__ended (vm))
      return kata_external_vm__ended_error (vm, "connect to the agent", err);
    if (!worth_a_retry (result))
      return kata_error__errno (err, KATA_E_IO, NULL, -result, "connect to the agent over vsock (context id %u)",
                                vm->cid);
    if (!kata_external__pause (kata_external_vm__exit_fd (vm), RETRY_MS, env->deadline_us))
      return kata_external__no_answer (vm->dir_fd, vm->kind->logs.console, err);
  }
}
