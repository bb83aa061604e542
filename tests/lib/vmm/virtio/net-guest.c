/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net-guest: the fixture of net-guest.h. */
#include "net-guest.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TX_ROOM (VMM_NET_HEADER + VMM_NET_FRAME_MAX + 4096)

uint8_t
card_byte (size_t i)
{
  return (uint8_t) ((i * 7 + (i >> 8)) & 0xff);
}

void
card_make (struct card *card, unsigned pairs, const struct vmm_net_config *limits)
{
  struct vmm_net_config config = { .pairs = pairs, .mac = { 2, 0, 0, 0, 0, 7 }, .mtu = 1500, .packets = true };
  kata_error *error = NULL;
  int room = 1 << 20;

  signal (SIGPIPE, SIG_IGN); /* writev() to a socket whose peer has gone; a tap knows no such thing */
  memset (card, 0, sizeof *card);
  driver_open (&card->driver, VMM_RAM_MIN);
  if (limits) {
    config.rx = limits->rx;
    config.tx = limits->tx;
  }
  for (unsigned i = 0; i < pairs; i++) {
    int pair[2];
    ck_assert_int_eq (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    setsockopt (pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt (pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    card->wires[i] = pair[0];
    config.tap_fds[i] = pair[1];
  }
  ck_assert_msg (driver_device (&card->driver, &vmm_virtio_net_ops, &config, &error) == 0, "%s",
                 kata_error_get_message (error));
  for (unsigned i = 0; i < pairs; i++)
    close (config.tap_fds[i]); /* the device has dups */
  card->net = card->driver.device->self;
}

void
card_buffer (struct card *card, uint32_t len)
{
  struct driver_buffer buffer = { .addr = driver_alloc (&card->driver, len, 16), .len = len, .write = true };
  card->rx_of[driver_add (&card->driver, 0, &buffer, 1)] = buffer.addr;
}

void
card_begin (struct card *card, uint64_t features, unsigned n, uint32_t len)
{
  driver_start (&card->driver, features);
  card->tx = driver_alloc (&card->driver, TX_ROOM, 16);
  for (unsigned i = 0; i < n; i++)
    card_buffer (card, len);
  driver_kick (&card->driver, 0);
  card_run (card);
}

void
card_close (struct card *card)
{
  unsigned pairs = card->net->n_pairs;
  driver_close (&card->driver);
  for (unsigned i = 0; i < pairs; i++)
    close (card->wires[i]);
}

void
card_run (struct card *card)
{
  driver_run (&card->driver);
}

void
card_send (struct card *card, unsigned pair, const uint8_t *header, size_t len)
{
  struct driver_buffer buffer = { .addr = card->tx, .len = (uint32_t) (VMM_NET_HEADER + len) };
  static uint8_t bytes[TX_ROOM];

  ck_assert_uint_le (buffer.len, TX_ROOM);
  for (size_t i = 0; i < len; i++)
    bytes[i] = card_byte (i);
  driver_set (&card->driver, card->tx, header, VMM_NET_HEADER);
  driver_set (&card->driver, card->tx + VMM_NET_HEADER, bytes, len);
  driver_request (&card->driver, 2 * pair + 1, &buffer, 1);
}

ssize_t
card_wire (struct card *card, unsigned pair)
{
  card_run (card);
  return recv (card->wires[pair], card->frame, sizeof card->frame, MSG_DONTWAIT);
}

void
card_give (struct card *card, unsigned pair, size_t len)
{
  static uint8_t bytes[VMM_NET_HEADER + VMM_NET_FRAME_MAX];

  memset (bytes, 0xee, VMM_NET_HEADER); /* num_buffers must not be the host's */
  memset (bytes, 0, 10);
  for (size_t i = 0; i < len; i++)
    bytes[VMM_NET_HEADER + i] = card_byte (i);
  ck_assert_int_eq (send (card->wires[pair], bytes, VMM_NET_HEADER + len, MSG_DONTWAIT),
                    (ssize_t) (VMM_NET_HEADER + len));
}

ssize_t
card_take (struct card *card)
{
  uint32_t len, total = 0;
  uint16_t head;
  unsigned count = 1;

  card_run (card);
  for (unsigned i = 0; i < count; i++) {
    if (!driver_used (&card->driver, 0, &head, &len)) {
      ck_assert_uint_eq (i, 0); /* all of a frame or nothing */
      return -1;
    }
    if (len == 0)
      return 0;
    ck_assert_uint_le (total + len, sizeof card->frame);
    driver_get (&card->driver, card->rx_of[head], card->frame + total, len);
    total += len;
    if (i == 0)
      count = card->frame[10] | (unsigned) card->frame[11] << 8;
  }
  for (size_t i = VMM_NET_HEADER; i < total; i++)
    ck_assert_uint_eq (card->frame[i], card_byte (i - VMM_NET_HEADER));
  return total;
}

int
card_control (struct card *card, const void *words, size_t len)
{
  static const uint8_t none = 0x77;
  struct driver_buffer buffers[2] = { { .addr = driver_put (&card->driver, words, len), .len = (uint32_t) len },
                                      { .addr = driver_put (&card->driver, &none, 1), .len = 1, .write = true } };
  unsigned queue = vmm_virtio__has (card->driver.device, VMM_NET_F_MQ) ? 2 * card->net->n_pairs : 2;
  uint8_t ack;

  if (len == 0)
    driver_request (&card->driver, queue, buffers + 1, 1);
  else
    driver_request (&card->driver, queue, buffers, 2);
  driver_get (&card->driver, buffers[1].addr, &ack, 1);
  return ack == none ? -1 : ack;
}
