/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: what a program of the host says to the vsock device, in pieces: one line is understood or the socket is closed, nothing lasts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver.h"

#include "vmm/virtio/vsock-device.h"
#include "vmm/virtio/vsock.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "%s\n", what);
    abort ();
  }
}

/* What the parser takes says the same when it is written as numbers are. */
static void
parse (const char *line, size_t len)
{
  uint32_t port = 0, again = 0;
  enum vmm_vsock_verb verb = vmm_vsock_line__parse (line, len, &port);
  char text[64];

  if (verb == VMM_VSOCK_VERB_NONE)
    return;
  check (port != 0 && port != VMM_VSOCK_PORT_ANY, "a port that is none");
  snprintf (text, sizeof text, "%s %u", verb == VMM_VSOCK_VERB_CONNECT ? "CONNECT" : "LISTEN", port);
  check (vmm_vsock_line__parse (text, strlen (text), &again) == verb && again == port, "read twice, two meanings");
}

static void
talk (struct driver *driver, const struct sockaddr_un *address, socklen_t address_len, const uint8_t *data, size_t size)
{
  const struct vmm_vsock *vsock = driver->device->self;
  size_t piece = size ? 1u + data[0] % 40u : 1;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  size_t sent = 0;

  check (fd >= 0 && connect (fd, (const struct sockaddr *) address, address_len) == 0, "connect");
  for (size_t at = 1; at < size; at += piece) {
    size_t len = size - at < piece ? size - at : piece;
    if (send (fd, data + at, len, MSG_NOSIGNAL) < 0)
      break;
    sent += len;
    for (unsigned i = 0; vmm_loop__step (driver->env->loop, 0) > 0; i++)
      check (i < 1000, "it spins");
    check (vsock->host.n_lines <= 1, "more programs than one");
    check (sent < VMM_VSOCK_LINE_MAX || vsock->host.n_lines == 0, "a line without end is listened to");
  }
  close (fd);
  for (unsigned i = 0; vmm_loop__step (driver->env->loop, 0) > 0; i++)
    check (i < 1000, "it spins");
  check (vsock->host.n_lines == 0 && vsock->host.n_listeners == 0, "a program that has gone is remembered");
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct vmm_vsock_config config = { .cid = 3, .connections = 4 };
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t address_len = sizeof address;
  struct driver driver;

  if (size > 1)
    parse ((const char *) data + 1, size - 1);
  config.listen_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  check (config.listen_fd >= 0 && bind (config.listen_fd, (struct sockaddr *) &address, sizeof (sa_family_t)) == 0 &&
             getsockname (config.listen_fd, (struct sockaddr *) &address, &address_len) == 0 &&
             listen (config.listen_fd, 4) == 0,
         "listen");
  driver_open (&driver, VMM_RAM_MIN);
  check (driver_device (&driver, &vmm_virtio_vsock_ops, &config, NULL) == 0, "realize");
  driver_start (&driver, 0);
  talk (&driver, &address, address_len, data, size);
  driver_close (&driver);
  close (config.listen_fd);
  return 0;
}
