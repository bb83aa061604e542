/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-vsock: cases 23 and 24: packets against the protocol, floods of them, a host program that never reads; and programs of the host's that misbehave. */
#include "cases.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define DEAF_PORT    5000 /* a program of the host's listens there, takes all connections and reads nothing */
#define RX           512u

static struct vsock_header
packet (uint16_t op)
{
  return (struct vsock_header){
    .src_cid = GUEST_CID, .dst_cid = 2, .src_port = 1000, .dst_port = 2000, .type = 1, .op = op, .buf_alloc = 65536
  };
}

static void
fresh (struct vdev *d)
{
  vdev_start (d, RING_SIZE);
  vsock_receive_buffers (d, 8, RX);
}

/* A packet; an answer other than RST is wrong, none at all is too when @must. */
static void
refused (struct vdev *d, const char *what, const struct vsock_header *h, uint32_t len, bool must)
{
  bool taken = vsock_send (d, h, buffer, len);
  const struct vsock_header *got = taken ? vsock_next (d, must ? PATIENCE_MS : WAIT_MS) : NULL;
  report_check (what, taken && (got != NULL ? got->op == OP_RST && got->dst_cid == GUEST_CID : !must),
                got != NULL ? MAY_REJECT : MAY_IGNORE);
  if (!taken || v_status (d) != 15)
    fresh (d);
}

static void
wrong_headers (struct vdev *d)
{
  static const uint64_t cids[] = { 0, 1, 4, 0xffffffff, UINT64_C (0x100000003), UINT64_MAX };
  static const uint16_t ops[] = { 0, 8, 9, 255, 0xffff };
  static const uint16_t types[] = { 0, 2, 3, 0xffff };
  static const uint32_t lens[] = { 1, 65536, 65537, 0x7fffffff, 0xffffffff };
  struct vsock_header h;
  for (unsigned i = 0; i < COUNT (cids); i++) {
    h = packet (OP_REQUEST);
    h.src_cid = cids[i];
    refused (d, "a foreign source", &h, 0, false);
    h = packet (OP_REQUEST);
    h.dst_cid = cids[i];
    refused (d, "a foreign destination", &h, 0, false);
  }
  for (unsigned i = 0; i < COUNT (ops); i++) {
    h = packet (ops[i]);
    refused (d, "an unknown operation", &h, 0, true);
  }
  for (unsigned i = 0; i < COUNT (types); i++) {
    h = packet (OP_REQUEST);
    h.type = types[i];
    refused (d, "an unknown type", &h, 0, true);
  }
  for (unsigned i = 0; i < COUNT (lens); i++) {
    h = packet (OP_RW);
    h.len = lens[i];
    refused (d, "longer than it is", &h, 0, true);
  }
  for (uint16_t op = OP_RESPONSE; op <= OP_CREDIT_REQUEST; op++) {
    h = packet (op);
    h.len = op == OP_RW ? 16 : 0;
    refused (d, "no connection", &h, h.len, op != OP_RST);
  }
  h = packet (OP_REQUEST);
  refused (d, "nobody listens", &h, 0, true);
  h.dst_port = 0xffffffff;
  refused (d, "nobody listens", &h, 0, true);
}

/* ---- floods ---- */

static void
flood (struct vdev *d, uint32_t total)
{
  struct ring *r = &d->rings[1];
  fresh (d);
  uint32_t sent = 0, back = 0;
  struct vsock_header *h = (struct vsock_header *) buffer;
  while (sent < total) {
    for (unsigned i = 0; i < r->size; i++) {
      h[i] = packet (OP_REQUEST);
      h[i].src_port = sent++;
      ring_desc (r, i, (uint64_t) &h[i], sizeof h[i], 0, 0);
      ring_offer (r, (uint16_t) i);
    }
    v_notify (d, 1);
    while (r->seen != r->avail[1]) {
      if (vdev_await (d, 1, PATIENCE_MS) != USED) {
        report_wrong ("flood", "packets are not taken any more");
        return;
      }
      while (ring_take (r, NULL, NULL))
        continue;
      uint32_t head;
      while (ring_take (&d->rings[0], &head, NULL)) {
        back++;
        ring_offer (&d->rings[0], (uint16_t) head);
      }
      v_notify (d, 0);
    }
    report_alive ();
  }
  report_check ("a flood of requests", back > 0, MAY_REJECT);
}

/* Without a buffer for the answers, the device takes no more after a while; with one, it goes on. */
static void
flood_without_buffers (struct vdev *d)
{
  vdev_start (d, RING_SIZE);
  unsigned taken = 0;
  for (unsigned i = 0; i < 400; i++) {
    struct vsock_header h = packet (OP_REQUEST);
    memcpy (answer, &h, sizeof h);
    const struct piece piece = { answer, sizeof h, false };
    if (ring_used_index (&d->rings[1]) != d->rings[1].seen)
      ring_take (&d->rings[1], NULL, NULL);
    ring_chain (&d->rings[1], 0, &piece, 1);
    v_notify (d, 1);
    if (vdev_await (d, 1, 100) != USED)
      break;
    ring_take (&d->rings[1], NULL, NULL);
    taken++;
    report_alive ();
  }
  report_check ("answers pile up", taken < 400, MAY_REJECT);
  vsock_receive_buffers (d, 8, RX);
  report_check ("it goes on with buffers",
                vdev_await (d, 1, PATIENCE_MS) == USED && vdev_await (d, 0, PATIENCE_MS) == USED, MAY_REJECT);
}

/* ---- a host program that reads nothing ---- */

static uint16_t
answer_to (struct vdev *d, const struct vsock_header *h, uint32_t len)
{
  const struct vsock_header *got = vsock_send (d, h, buffer, len) ? vsock_next (d, PATIENCE_MS) : NULL;
  return got != NULL ? got->op : 0;
}

static void
deaf_peer (struct vdev *d)
{
  fresh (d);
  struct vsock_header h = packet (OP_REQUEST);
  h.dst_port = DEAF_PORT;
  h.buf_alloc = 0xffffffff;
  h.fwd_cnt = 0x80000000;
  if (answer_to (d, &h, 0) != OP_RESPONSE) {
    report_wrong ("a deaf peer", "no RESPONSE came");
    return;
  }
  /* More than it ever promised. */
  h.op = OP_RW;
  h.len = 32768;
  bool reset = false;
  for (unsigned i = 0; i < 600 && !reset; i++) {
    const struct vsock_header *got = NULL;
    if (!vsock_send (d, &h, buffer, h.len))
      break;
    while (!reset && (got = vsock_next (d, ring_used_index (&d->rings[0]) != d->rings[0].seen ? 100 : 0)) != NULL)
      reset = got->op == OP_RST;
    report_alive ();
  }
  if (!reset) {
    const struct vsock_header *got = vsock_next (d, PATIENCE_MS);
    reset = got != NULL && got->op == OP_RST;
  }
  report_check ("beyond all credit", reset, MAY_REJECT);
}

static void
out_of_order (struct vdev *d)
{
  static const uint16_t ops[] = { OP_REQUEST, OP_RESPONSE };
  for (unsigned i = 0; i < COUNT (ops); i++) {
    fresh (d);
    struct vsock_header h = packet (OP_REQUEST);
    h.dst_port = DEAF_PORT;
    h.src_port = 3000 + i;
    if (answer_to (d, &h, 0) != OP_RESPONSE)
      report_wrong ("out of order", "no RESPONSE came");
    h.op = ops[i];
    report_check ("connected twice", answer_to (d, &h, 0) == OP_RST, MAY_REJECT);
  }
  fresh (d);
  struct vsock_header h = packet (OP_REQUEST);
  h.dst_port = DEAF_PORT;
  h.src_port = 3100;
  answer_to (d, &h, 0);
  h.op = OP_SHUTDOWN;
  h.flags = 2; /* sends no more */
  vsock_send (d, &h, NULL, 0);
  h.op = OP_RW;
  h.len = 16;
  h.flags = 0;
  report_check ("data after shutdown", answer_to (d, &h, 16) == OP_RST, MAY_REJECT);
}

/* As many as it takes, and more: some are refused, none is forgotten. */
static void
many_connections (struct vdev *d)
{
  unsigned open = 0, refusals = 0;
  fresh (d);
  for (unsigned i = 0; i < 1200; i++) {
    struct vsock_header h = packet (OP_REQUEST);
    h.dst_port = DEAF_PORT;
    h.src_port = 10000 + i;
    h.buf_alloc = 0;
    uint16_t op = answer_to (d, &h, 0);
    open += op == OP_RESPONSE;
    refusals += op == OP_RST;
    report_alive ();
  }
  say ("# %u connections taken, %u refused\n", open, refusals);
  report_check ("1200 connections", open > 0 && open <= 1024 && open + refusals == 1200, MAY_REJECT);
}

void
case_vsock (unsigned number)
{
  struct vdev *d = vdev_of (ID_VSOCK, 0);
  if (d == NULL)
    return;
  report_begin (number, "vsock");
  fresh (d);
  wrong_headers (d);
  report_wrong ("after wrong headers", revive (d));
  flood (d, (uint32_t) option ("flood", 20000));
  report_wrong ("after a flood", revive (d));
  flood_without_buffers (d);
  report_wrong ("after a flood", revive (d));
  if (option ("deaf", 0) != 0) {
    deaf_peer (d);
    out_of_order (d);
    report_wrong ("after a deaf peer", revive (d));
    many_connections (d);
    report_wrong ("after many connections", revive (d));
  }
  report_end ();
}

/* ---- 24: the host's programs begin with the word "host24" and end by themselves ---- */

void
case_vsock_host (unsigned number)
{
  struct vdev *d = vdev_of (ID_VSOCK, 0);
  if (d == NULL)
    return;
  report_begin (number, "vsock");
  fresh (d);
  say ("host24\n");
  for (uint64_t end = now_us () + option ("host24", 8) * 1000000; now_us () < end;) {
    /* What the host's connections say is refused with RST: packets of no connection of ours. */
    uint32_t head;
    while (ring_take (&d->rings[0], &head, NULL))
      ring_offer (&d->rings[0], (uint16_t) head);
    v_notify (d, 0);
    report_wrong ("while the host misbehaves", others_live (d));
    wait_us (100000);
    report_alive ();
  }
  report_wrong ("after the host misbehaved", revive (d));
  report ("it still answers", MAY_REJECT, MAY_REJECT);
  report_end ();
}
