/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the front end of vhost-user between a hostile driver and a server that answers with anything, and then is gone. */
#include <sys/socket.h>
#include <unistd.h>

#include "vmm-steps.h"

#include "vmm/virtio/fs.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The answers are there before they are asked for, and behind them is the end: nobody waits. */
static void
prepare_answers (struct steps *steps, int fd)
{
  size_t len = (size_t) steps_take (steps, 2) % 2048;
  if (len > steps->left)
    len = steps->left;
  steps_check (len == 0 || send (fd, steps->data, len, MSG_NOSIGNAL) == (ssize_t) len, "send");
  steps->data += len;
  steps->left -= len;
  shutdown (fd, SHUT_WR);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct steps steps = { .data = data, .left = size, .n_queues = 2 };
  int pair[2];

  steps_check (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "no sockets");
  prepare_answers (&steps, pair[1]);
  const struct vmm_fs_config config = { .tag = "fuzz", .socket_fd = pair[0], .queue_size = 16 };
  driver_open (&steps.driver, VMM_RAM_MIN);
  steps.features = ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  if (driver_device (&steps.driver, &vmm_virtio_fs_ops, &config, NULL) == 0)
    steps_play (&steps);
  else
    driver_close (&steps.driver);
  close (pair[0]);
  close (pair[1]);
  return 0;
}
