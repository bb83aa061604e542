/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a hostile driver of the entropy device or of the console, which has a peer that speaks and listens. */
#include "vmm-steps.h"

#include <sys/socket.h>
#include <unistd.h>

#include "vmm/virtio/console.h"
#include "vmm/virtio/rng.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct steps steps = { .data = data, .left = size };
  uint8_t how = (uint8_t) steps_take (&steps, 1);
  bool console = (how & 1) != 0;
  int pair[2];

  steps_check (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
  char said[3000];
  memset (said, how, sizeof said);
  steps_check (write (pair[1], said, sizeof said) == (ssize_t) sizeof said, "speak");
  struct vmm_console_config config = { .out_fd = pair[0], .in_fd = (how & 2) != 0 ? pair[0] : -1, .limit = LIMIT };
  driver_open (&steps.driver, VMM_RAM_MIN);
  const struct vmm_virtio_ops *ops = console ? &vmm_virtio_console_ops : &vmm_virtio_rng_ops;
  steps_check (driver_device (&steps.driver, ops, console ? &config : NULL, NULL) == 0, "realize");
  steps.n_queues = console ? 2 : 1;
  steps.features = (how & 16) != 0 ? VMM_VIRTIO_F_INDIRECT : ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  steps_play (&steps);

  char heard[LIMIT + 1];
  size_t total = 0;
  for (ssize_t n; (n = read (pair[1], heard, sizeof heard)) > 0;)
    total += (size_t) n;
  steps_check (total <= LIMIT, "the console said more than its limit");
  close (pair[0]);
  close (pair[1]);
  return 0;
}
