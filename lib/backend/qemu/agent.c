/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: a connection to the guest's agent, over vsock or a free virtio-serial port; retries while the guest boots. */
#include "backend/qemu/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backend/external.h"
#include "backend/qemu/argv.h"
#include "backend/vsock.h"
#include "base/error.h"
#include "base/fd.h"
#include "proto/serial-link.h"

#define RETRY_MS     10
#define BUSY_WAIT_MS 10000

static int
no_answer (kata_qemu_vm *vm, kata_error **err)
{
  return kata_external__no_answer (vm->base.dir_fd, KATA_QEMU_CONSOLE_LOG, err);
}

/* ---- virtio-serial ---- */

/* A port belongs to whoever holds its lock; the lock goes with the stream, or with the process that dies. */
static int
take_port (kata_qemu_vm *vm, uint32_t *port, int *lock_fd, kata_error **err)
{
  for (uint32_t i = 0; i < vm->serial_ports; i++) {
    char name[64];
    snprintf (name, sizeof name, KATA_QEMU_AGENT_LOCK, i);
    kata_auto_fd int fd = openat (vm->base.dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
      return kata_error__errno (err, KATA_E_IO, name, errno, "connect to the agent: open %s", name);
    if (flock (fd, LOCK_EX | LOCK_NB) == 0) {
      *lock_fd = kata_fd__steal (&fd);
      *port = i;
      return 0;
    }
  }
  return kata_error__set (
      err, KATA_E_BUSY, NULL,
      "connect to the agent: all %u serial ports are in use by other processes; close one or raise their number",
      vm->serial_ports);
}

static int
wait_port (kata_qemu_vm *vm, uint32_t *port, int *lock_fd, int64_t deadline_us, kata_error **err)
{
  int64_t until = kata_deadline__within (deadline_us, BUSY_WAIT_MS);
  for (;;) {
    g_autoptr (kata_error) busy = NULL;
    int code = take_port (vm, port, lock_fd, &busy);
    if (code == 0)
      return 0;
    if (code != KATA_E_BUSY || !kata_external__pause (vm->base.vmm.pidfd, RETRY_MS, until))
      return kata_error__propagate (err, g_steal_pointer (&busy));
    if (kata_external_vm__ended (&vm->base))
      return kata_external_vm__ended_error (&vm->base, "connect to the agent", err);
  }
}

/* The link's stream, plus the lock that must live as long. */
struct port_stream {
  struct ttrpc_io io;
  int lock_fd;
};

static int64_t
port_read (void *ctx, void *buf, size_t len)
{
  struct port_stream *s = ctx;
  return s->io.read (s->io.ctx, buf, len);
}

static int64_t
port_write (void *ctx, const void *buf, size_t len)
{
  struct port_stream *s = ctx;
  return s->io.write (s->io.ctx, buf, len);
}

static void
port_shutdown (void *ctx)
{
  struct port_stream *s = ctx;
  s->io.shutdown (s->io.ctx);
}

static void
port_close (void *ctx)
{
  struct port_stream *s = ctx;
  s->io.close (s->io.ctx);
  kata_fd__close (s->lock_fd);
  g_free (s);
}

static int
connect_serial (kata_qemu_vm *vm, kata_stream *out, int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int lock_fd = -1;
  uint32_t port = 0;
  char name[64];
  int code = wait_port (vm, &port, &lock_fd, deadline_us, err);
  if (code < 0)
    return code;
  snprintf (name, sizeof name, KATA_QEMU_AGENT_SOCKET, port);
  for (;;) {
    struct ttrpc_io io;
    g_autoptr (kata_error) error = NULL;
    int fd = -1, result = -EPIPE;
    code = kata_external__connect_wait (&fd, vm->base.dir_fd, name, vm->base.vmm.pidfd, deadline_us, &error);
    if (code == 0)
      result = kata_serial_link__connect (&io, fd, kata_deadline__poll_ms (deadline_us));
    if (result == 0) {
      struct port_stream *s = g_new (struct port_stream, 1);
      *s = (struct port_stream){ io, kata_fd__steal (&lock_fd) };
      *out = (kata_stream){ s, port_read, port_write, port_shutdown, port_close };
      return 0;
    }
    /* A guest that dies takes QEMU along; give that a moment to be seen, so that the error says it. */
    if (!kata_external__pause (vm->base.vmm.pidfd, RETRY_MS, deadline_us))
      return kata_external_vm__ended (&vm->base)
                 ? kata_external_vm__ended_error (&vm->base, "connect to the agent", err)
                 : no_answer (vm, err);
    if (kata_external_vm__ended (&vm->base))
      return kata_external_vm__ended_error (&vm->base, "connect to the agent", err);
    if (code < 0 && code != KATA_E_VMM)
      return kata_error__propagate (err, g_steal_pointer (&error));
    if (result != -EPIPE && result != -ETIMEDOUT)
      return kata_error__errno (err, KATA_E_IO, name, -result, "connect to the agent over %s", name);
  }
}

int
kata_qemu__connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  kata_qemu_vm *vm = handle;
  if (kata_external_vm__ended (&vm->base))
    return kata_external_vm__ended_error (&vm->base, "connect to the agent", err);
  if (vm->agent_kind == KATA_AGENT_VSOCK)
    return kata_vsock__connect (vm, out, env, err);
  return connect_serial (vm, out, env->deadline_us, err);
}
