/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a hostile driver of the network card and a wire with traffic: what reaches the wire is well-formed, nothing spins. */
#include "vmm-steps.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/virtio/net-device.h"
#include "vmm/virtio/net.h"

#define PAIRS 2u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct play {
  struct steps steps;
  int wires[PAIRS];
  vmm_gpa frame, rx;
};

static void
look (struct play *play)
{
  static uint8_t bytes[VMM_NET_HEADER + VMM_NET_FRAME_MAX + 64], again[VMM_NET_HEADER];

  for (unsigned i = 0; i < PAIRS; i++)
    for (ssize_t n; play->wires[i] >= 0 && (n = recv (play->wires[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0;) {
      memcpy (again, bytes, sizeof again);
      steps_check (n >= (ssize_t) (VMM_NET_HEADER + VMM_NET_FRAME_MIN), "a frame too short is on the wire");
      steps_check (vmm_net_header__clean (again, UINT64_MAX, (size_t) n - VMM_NET_HEADER) == NULL &&
                       memcmp (again, bytes, sizeof again) == 0,
                   "a bad header is on the wire");
    }
}

static void
send_frame (struct play *play, unsigned pair)
{
  struct steps *steps = &play->steps;
  uint8_t header[VMM_NET_HEADER];
  struct driver_buffer buffer = { .addr = play->frame };

  for (unsigned i = 0; i < sizeof header; i++)
    header[i] = (uint8_t) steps_take (steps, 1);
  buffer.len = 1 + (uint32_t) steps_take (steps, 2) * (1 + (uint32_t) steps_take (steps, 1) % 2);
  driver_set (&steps->driver, play->frame, header, sizeof header);
  driver_add (&steps->driver, 2 * pair + 1, &buffer, 1);
  driver_kick (&steps->driver, 2 * pair + 1);
}

static void
act (struct play *play)
{
  static const uint8_t bytes[VMM_NET_HEADER + VMM_NET_FRAME_MAX];
  struct steps *steps = &play->steps;
  uint8_t what = (uint8_t) steps_take (steps, 1), words[12];
  struct driver_buffer buffers[2] = { { .addr = play->rx, .write = true }, { .addr = play->rx, .write = true } };
  unsigned pair = (what >> 4) % PAIRS;

  switch (what & 7) {
  case 0:
  case 1:
    send_frame (play, pair);
    break;
  case 2:
  case 3:
    buffers[0].len = 1 + (uint32_t) steps_take (steps, 2);
    driver_add (&steps->driver, 2 * pair, buffers, 1);
    driver_kick (&steps->driver, 2 * pair);
    break;
  case 4:
  case 5: {
    size_t len = (size_t) steps_take (steps, 2);
    if (play->wires[pair] >= 0 && len > 0 && send (play->wires[pair], bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
      return;
    break;
  }
  case 6:
    for (unsigned i = 0; i < sizeof words; i++)
      words[i] = (uint8_t) steps_take (steps, 1);
    driver_set (&steps->driver, play->frame, words, sizeof words);
    buffers[0] = (struct driver_buffer){ .addr = play->frame, .len = what & 8 ? 4 : what & 16 ? 10 : 3 };
    buffers[1].len = 1;
    driver_add (&steps->driver, 2 * PAIRS, buffers, 2);
    driver_kick (&steps->driver, 2 * PAIRS);
    break;
  default:
    if ((what >> 4) == 15 && play->wires[pair] >= 0) {
      close (play->wires[pair]);
      play->wires[pair] = -1;
    }
    break;
  }
}

static void
open_all (struct play *play, uint8_t how)
{
  struct driver *driver = &play->steps.driver;
  struct vmm_net_config config = { .pairs = PAIRS, .mac = { 2 }, .packets = true };

  signal (SIGPIPE, SIG_IGN);
  if (how & 1)
    config.tx = config.rx = (struct vmm_limit){ .bytes = 1 << 20, .ops = 1000 };
  for (unsigned i = 0; i < PAIRS; i++) {
    int pair[2];
    steps_check (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
    play->wires[i] = pair[0];
    config.tap_fds[i] = pair[1];
  }
  driver_open (driver, VMM_RAM_MIN);
  steps_check (driver_device (driver, &vmm_virtio_net_ops, &config, NULL) == 0, "realize");
  for (unsigned i = 0; i < PAIRS; i++)
    close (config.tap_fds[i]);
  play->frame = driver_alloc (driver, 1 << 18, 16);
  play->rx = driver_alloc (driver, 1 << 17, 16);
  play->steps.area = driver_alloc (driver, STEPS_AREA, 4096);
  play->steps.rings = driver->brk;
  driver_start (driver, play->steps.features);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct play play = { .steps = { .data = data, .left = size, .n_queues = 2 * PAIRS + 1 } };
  uint8_t how = (uint8_t) steps_take (&play.steps, 1);

  play.steps.features = ~VMM_VIRTIO_F_ACCESS_PLATFORM;
  if (how & 2)
    play.steps.features &= ~VMM_NET_F_MRG_RXBUF;
  if (how & 4)
    play.steps.features &= ~VMM_VIRTIO_F_EVENT_IDX;
  if (how & 8)
    play.steps.features &= ~VMM_NET_F_MQ;
  open_all (&play, how);
  for (unsigned n = 0; play.steps.left > 0 && n < 2000; n++) {
    if (*play.steps.data & 0x80) {
      play.steps.data++;
      play.steps.left--;
      act (&play);
      vmm_loop__step (play.steps.driver.env->loop, 0);
    } else {
      steps_one (&play.steps);
    }
    look (&play);
  }
  vmm_virtio__unpause (play.steps.driver.device);
  for (unsigned i = 0; i < 10000 && vmm_loop__step (play.steps.driver.env->loop, 0) > 0; i++) {
    steps_check (i < 9999, "it spins");
    look (&play);
  }
  driver_close (&play.steps.driver);
  for (unsigned i = 0; i < PAIRS; i++)
    if (play.wires[i] >= 0)
      close (play.wires[i]);
  return 0;
}
