/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kinds: one valid request for each kind of device, and the little of each protocol that it takes. */
#include "kinds.h"

#define PACKET 512u

uint8_t *buffer, *answer;
static uint8_t *packets; /* vsock receive buffers */

uint32_t
patience_ms (void)
{
  return 3000 * (uint32_t) option ("slow", 1);
}

uint64_t
second_us (void)
{
  return 1000000 * option ("slow", 1);
}

void
kinds_start (void)
{
  buffer = take (BUFFER_SIZE, 4096);
  answer = take (4096, 4096);
  packets = take (RING_SIZE * (size_t) PACKET, 4096);
}

unsigned
main_queue (const struct vdev *d)
{
  return d->id == ID_NET || d->id == ID_VSOCK || d->id == ID_CONSOLE || d->id == ID_FS ? 1 : 0;
}

/* Offered already: until it is back. */
static const char *
await_one (struct vdev *d, unsigned queue, uint32_t *len)
{
  v_notify (d, queue);
  enum outcome got = vdev_await (d, queue, patience_ms ());
  if (got == NRST)
    return "a valid request made it want a reset";
  if (got == NOTHING)
    return "a valid request got no answer";
  ring_take (&d->rings[queue], NULL, len);
  return "";
}

/* ---- blk ---- */

uint8_t
disk_byte (uint64_t sector)
{
  return (uint8_t) (sector * 7 + 3);
}

uint32_t
blk_request (struct vdev *d, uint32_t type, uint64_t sector, uint32_t len)
{
  struct blk_header *header = (void *) answer;
  volatile uint8_t *status = answer + 64;
  *header = (struct blk_header){ .type = type, .sector = sector };
  *status = 0xee;
  const struct piece pieces[] = { { header, sizeof *header, false },
                                  { buffer, len, type == BLK_IN || type == BLK_ID },
                                  { status, 1, true } };
  struct ring *r = &d->rings[0];
  if (len == 0) {
    const struct piece two[] = { pieces[0], pieces[2] };
    ring_chain (r, 0, two, 2);
  } else
    ring_chain (r, 0, pieces, 3);
  v_notify (d, 0);
  enum outcome got = vdev_await (d, 0, patience_ms ());
  if (got != USED)
    return got == NRST ? 0x100 : 0x200;
  ring_take (r, NULL, NULL);
  return *status;
}

static const char *
good_blk (struct vdev *d)
{
  memset (buffer, 0, 512);
  if (blk_request (d, BLK_IN, 5, 512) != BLK_OK)
    return "a valid read failed";
  for (unsigned i = 0; i < 512; i++)
    if (buffer[i] != disk_byte (5))
      return "a read brought wrong bytes";
  return "";
}

/* ---- vsock ---- */

void
vsock_receive_buffers (struct vdev *d, unsigned n, uint32_t size)
{
  struct ring *r = &d->rings[0];
  for (unsigned i = 0; i < n; i++) {
    ring_desc (r, i, (uint64_t) packets + i * PACKET, size, WRITE, 0);
    ring_offer (r, (uint16_t) i);
  }
  v_notify (d, 0);
}

const struct vsock_header *
vsock_next (struct vdev *d, uint32_t ms)
{
  uint32_t head;
  if (vdev_await (d, 0, ms) != USED || !ring_take (&d->rings[0], &head, NULL))
    return NULL;
  memcpy (answer + 1024, packets + head * PACKET, PACKET);
  ring_offer (&d->rings[0], (uint16_t) head);
  v_notify (d, 0);
  return (const struct vsock_header *) (answer + 1024);
}

bool
vsock_send (struct vdev *d, const struct vsock_header *h, const void *data, uint32_t len)
{
  memcpy (answer, h, sizeof *h);
  const struct piece pieces[] = { { answer, sizeof *h, false }, { data, len, false } };
  ring_chain (&d->rings[1], 0, pieces, len > 0 ? 2 : 1);
  v_notify (d, 1);
  return vdev_await (d, 1, patience_ms ()) == USED && ring_take (&d->rings[1], NULL, NULL);
}

static const char *
good_vsock (struct vdev *d)
{
  struct vsock_header h = {
    .src_cid = GUEST_CID, .dst_cid = 2, .src_port = 77, .dst_port = 99, .type = 1, .op = OP_CREDIT_REQUEST
  };
  if (d->rings[0].avail[1] == 0)
    vsock_receive_buffers (d, 8, PACKET);
  if (!vsock_send (d, &h, NULL, 0))
    return "a packet was not taken";
  const struct vsock_header *got = vsock_next (d, patience_ms ());
  if (got == NULL)
    return "no RST came for a packet of no connection";
  return got->op == OP_RST && got->dst_port == 77 && got->src_port == 99 ? "" : "a wrong packet came instead of RST";
}

/* ---- the others ---- */

static const char *
good_rng (struct vdev *d)
{
  uint32_t len = 0;
  memset (buffer, 0, 32);
  const struct piece piece = { buffer, 32, true };
  ring_chain (&d->rings[0], 0, &piece, 1);
  const char *wrong = await_one (d, 0, &len);
  return *wrong != '\0' ? wrong : len == 0 || len > 32 ? "a wrong number of random bytes" : "";
}

static const char *
good_net (struct vdev *d)
{
  memset (buffer, 0, 128);
  memset (buffer + 12, 0xff, 6); /* broadcast */
  buffer[12 + 6] = 2;
  buffer[12 + 12] = 0x88;
  buffer[12 + 13] = 0xb5; /* an Ethertype for experiments */
  const struct piece piece = { buffer, 12 + 60, false };
  ring_chain (&d->rings[1], 0, &piece, 1);
  return await_one (d, 1, NULL);
}

static const char *
good_console (struct vdev *d)
{
  buffer[0] = '\n';
  const struct piece piece = { buffer, 1, false };
  ring_chain (&d->rings[1], 0, &piece, 1);
  return await_one (d, 1, NULL);
}

static const char *
good_balloon (struct vdev *d)
{
  *(uint32_t *) buffer = (uint32_t) (ram_low_end >> 12) - 16;
  const struct piece piece = { buffer, 4, false };
  ring_chain (&d->rings[0], 0, &piece, 1);
  return await_one (d, 0, NULL);
}

static const char *
good_pmem (struct vdev *d)
{
  volatile uint32_t *ret = (volatile uint32_t *) (answer + 64);
  *(uint32_t *) answer = 0;
  *ret = 99;
  const struct piece pieces[] = { { answer, 4, false }, { ret, 4, true } };
  ring_chain (&d->rings[0], 0, pieces, 2);
  const char *wrong = await_one (d, 0, NULL);
  return *wrong != '\0'   ? wrong
         : *ret != d->nth ? "a flush was answered wrongly"
                          : ""; /* what is read-only cannot be flushed */
}

/* Another process has its queues and looks at none of them (fsd.c): that it is as it should be is all there is to see. */
static const char *
good_fs (struct vdev *d)
{
  v_notify (d, 1);
  return v_status (d) == (S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK) ? "" : "it does not run";
}

const char *
good_request (struct vdev *d)
{
  switch (d->id) {
  case ID_NET:
    return good_net (d);
  case ID_BLK:
    return good_blk (d);
  case ID_CONSOLE:
    return good_console (d);
  case ID_RNG:
    return good_rng (d);
  case ID_BALLOON:
    return good_balloon (d);
  case ID_VSOCK:
    return good_vsock (d);
  case ID_FS:
    return good_fs (d);
  case ID_PMEM:
    return good_pmem (d);
  default:
    return "an unknown device";
  }
}

const char *
revive (struct vdev *d)
{
  if (!vdev_start (d, RING_SIZE))
    return "it refuses its own features after a reset";
  return good_request (d);
}

const char *
others_live (const struct vdev *d)
{
  struct vdev *other = vdev_of (d->id == ID_RNG ? ID_BLK : ID_RNG, 0);
  if (other == NULL)
    return "";
  if (other->rings[0].size == 0)
    return revive (other);
  return good_request (other);
}
