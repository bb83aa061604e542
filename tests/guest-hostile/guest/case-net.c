/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-net: case 22: frames that are none, offloads that lie, receive buffers without room, junk for the control queue. The host keeps sending frames. */
#include "cases.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* virtio 1.2, 5.1.6 */
struct net_header {
  uint8_t flags, gso_type;
  uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
#define NEEDS_CSUM 1

static void
send (struct vdev *d, const char *what, const struct net_header *header, uint32_t len)
{
  memset (buffer, 0, 2048);
  memset (buffer + sizeof *header, 0xff, 6);
  memcpy (buffer, header, sizeof *header);
  buffer[sizeof *header + 12] = 0x08;
  buffer[sizeof *header + 14] = 0x45;
  const struct piece pieces[] = { { buffer, len < BUFFER_SIZE ? len : BUFFER_SIZE, false },
                                  { buffer, len > BUFFER_SIZE ? len - BUFFER_SIZE : 0, false } };
  ring_chain (&d->rings[1], 0, pieces, len > BUFFER_SIZE ? 2 : 1);
  v_notify (d, 1);
  enum outcome got = vdev_await (d, 1, PATIENCE_MS);
  report (what, outcome_bit (got), MAY_REJECT);
  if (got == USED)
    ring_take (&d->rings[1], NULL, NULL);
  else
    vdev_start (d, RING_SIZE);
}

static void
wrong_frames (struct vdev *d)
{
  static const uint32_t lens[] = { 1,         11,    12,    13,    12 + 13,         12 + 14,
                                   12 + 1514, 65535, 65536, 65537, 65536 + 12 + 18, 131072 };
  static const struct net_header none = { 0 };
  for (unsigned i = 0; i < COUNT (lens); i++)
    send (d, "a frame of a wrong length", &none, lens[i]);
  static const struct net_header lies[] = {
    { .flags = NEEDS_CSUM, .csum_start = 0xffff, .csum_offset = 0 },
    { .flags = NEEDS_CSUM, .csum_start = 34, .csum_offset = 0xffff },
    { .flags = NEEDS_CSUM, .csum_start = 0xffff, .csum_offset = 0xffff },
    { .flags = 0xff, .gso_type = 0xff, .hdr_len = 0xffff, .gso_size = 0xffff },
    { .gso_type = 1, .gso_size = 0 },
    { .gso_type = 1, .gso_size = 1, .hdr_len = 0xffff },
    { .gso_type = 4, .gso_size = 1400, .hdr_len = 54 },
    { .flags = NEEDS_CSUM, .gso_type = 1, .gso_size = 1, .hdr_len = 54, .csum_start = 34, .csum_offset = 16 },
    { .gso_type = 3, .gso_size = 1400, .hdr_len = 42 },
    { .gso_type = 0x7f, .gso_size = 1400 },
    { .gso_type = 0x81, .gso_size = 1, .hdr_len = 1 },
    { .num_buffers = 0xffff },
  };
  for (unsigned i = 0; i < COUNT (lies); i++) {
    send (d, "a header that lies", &lies[i], 12 + 60);
    send (d, "a header that lies", &lies[i], 12 + 4000);
  }
}

/* ---- receiving ---- */

static void
offer_buffers (struct vdev *d, uint32_t len, uint16_t flags)
{
  struct ring *r = &d->rings[0];
  for (unsigned i = 0; i < r->size; i++) {
    ring_desc (r, i, (uint64_t) buffer + i * 2048, len, flags, 0);
    ring_offer (r, (uint16_t) i);
  }
  v_notify (d, 0);
}

static void
receive (struct vdev *d, const char *what, uint32_t len, uint16_t flags)
{
  vdev_start (d, RING_SIZE);
  offer_buffers (d, len, flags);
  report (what, outcome_bit (vdev_await (d, 0, 200)), MAY_NRST | MAY_REJECT | MAY_IGNORE);
  report_wrong (what, others_live (d));
  vdev_start (d, RING_SIZE);
  offer_buffers (d, 2048, WRITE);
  report_check ("frames come again", vdev_await (d, 0, PATIENCE_MS) == USED, MAY_REJECT);
}

static void
wrong_buffers (struct vdev *d)
{
  receive (d, "buffers of 1 byte", 1, WRITE);
  receive (d, "buffers of 11 bytes", 11, WRITE);
  receive (d, "buffers of 12 bytes", 12, WRITE);
  receive (d, "buffers of 13 bytes", 13, WRITE);
  receive (d, "buffers of no bytes", 0, WRITE);
  receive (d, "buffers to read from", 2048, 0);
  /* CVE-2020-16843: the host sends on while nobody takes. */
  vdev_start (d, RING_SIZE);
  wait_us (300000);
  offer_buffers (d, 2048, WRITE);
  report_check ("frames come after a flood", vdev_await (d, 0, PATIENCE_MS) == USED, MAY_REJECT);
}

/* ---- the control queue ---- */

static void
control (struct vdev *d, uint8_t class, uint8_t command, uint32_t data, uint32_t ack, bool filled)
{
  struct ring *r = &d->rings[2];
  memset (answer, filled ? 0xff : 0, 2048);
  answer[0] = class;
  answer[1] = command;
  const struct piece pieces[] = { { answer, 2 + data, false }, { answer + 3000, ack, true } };
  answer[3000] = 0xee;
  ring_chain (r, 0, pieces, ack > 0 ? 2 : 1);
  v_notify (d, 2);
  enum outcome got = vdev_await (d, 2, PATIENCE_MS);
  report ("control", outcome_bit (got), MAY_REJECT | MAY_NRST);
  if (got == USED) {
    ring_take (r, NULL, NULL);
    report_check ("control is refused", ack == 0 || answer[3000] != 0xee, MAY_REJECT);
  } else
    vdev_start (d, RING_SIZE);
}

static void
wrong_control (struct vdev *d)
{
  static const uint8_t classes[] = { 0, 1, 2, 3, 4, 5, 99, 255 };
  vdev_start (d, RING_SIZE);
  for (unsigned i = 0; i < COUNT (classes); i++)
    for (uint8_t command = 0; command < 4; command++) {
      control (d, classes[i], command, 0, 1, false);
      control (d, classes[i], command, 1, 1, true);
      control (d, classes[i], command, 2, 1, true); /* pairs: 65535 */
      control (d, classes[i], command, 1000, 1, true);
      control (d, classes[i], command, 8, 0, false);
    }
}

void
case_net (unsigned number)
{
  struct vdev *d = vdev_of (ID_NET, 0);
  if (d == NULL)
    return;
  report_begin (number, "net");
  vdev_start (d, RING_SIZE);
  wrong_frames (d);
  report_wrong ("after wrong frames", good_request (d));
  say ("frames\n"); /* the host sends them from now on */
  wrong_buffers (d);
  say ("no frames\n");
  report_wrong ("after wrong buffers", revive (d));
  wrong_control (d);
  report_wrong ("after wrong control", revive (d));
  report_end ();
}
