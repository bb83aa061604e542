/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock: the socket device (virtio 1.2, 5.10): its queues and life. Connections, credit and the host's side are in vsock-*.c. */
#include "vmm/virtio/vsock.h"

#include <string.h>

#include "base/raise.h"
#include "vmm/virtio/vsock-device.h"

#define F_STREAM    (UINT64_C (1) << 0)
#define QUEUE_SIZE  256
#define EVENT_SIZE  16
#define EVENT_RESET 0 /* VIRTIO_VSOCK_EVENT_TRANSPORT_RESET */

void
vmm_vsock__log (struct vmm_vsock *vsock, const char *text)
{
  vmm_env__log (vsock->base->env, "virtio-vsock", "%s", text);
}

static void
rewatch_all (struct vmm_vsock *vsock)
{
  for (struct vmm_list *at = vsock->all.next; at != &vsock->all; at = at->next)
    vmm_vsock_conn__rewatch (vmm_list__entry (at, struct vmm_vsock_conn, all));
}

/** The driver broke a rule; connections rest until it resets the device. */
static void
broken (struct vmm_vsock *vsock, const struct vmm_queue *queue)
{
  vsock->running = false;
  vmm_virtio__needs_reset (vsock->base, queue->why ? queue->why : "a queue is broken");
  rewatch_all (vsock);
}

void
vmm_vsock__refuse (struct vmm_vsock *vsock, const struct vmm_vsock_packet *packet)
{
  unsigned at = (vsock->refusals_start + vsock->n_refusals) % VMM_VSOCK_REFUSALS_MAX;

  /* There is room: the transmit queue is not looked at otherwise, and a packet of it is refused at most once. */
  if (vsock->n_refusals == VMM_VSOCK_REFUSALS_MAX)
    return;
  vsock->refusals[at] = vmm_vsock_packet__refusal (packet, vsock->cid);
  vsock->n_refusals++;
}

static uint32_t
write_refusal (struct vmm_vsock *vsock)
{
  uint8_t wire[VMM_VSOCK_HEADER];

  vmm_vsock_packet__encode (&vsock->refusals[vsock->refusals_start], wire);
  vmm_chain__write (&vsock->rx, 0, wire, sizeof wire);
  vsock->refusals_start = (vsock->refusals_start + 1) % VMM_VSOCK_REFUSALS_MAX;
  vsock->n_refusals--;
  return sizeof wire;
}

/** One buffer of the guest's in vsock->rx. Bytes written; -1 when it was not needed after all. */
static int64_t
fill (struct vmm_vsock *vsock)
{
  struct vmm_vsock_conn *conn;
  uint32_t written;
  bool freed = false;

  if (vsock->rx.write_len < VMM_VSOCK_HEADER) {
    vmm_vsock__log (vsock, "a receive buffer is smaller than a header");
    return 0;
  }
  if (vsock->n_refusals)
    return write_refusal (vsock);
  conn = vmm_list__entry (vsock->ready.next, struct vmm_vsock_conn, ready);
  vmm_list__remove (&conn->ready); /* back at the end, if it has more: everyone in turn */
  written = vmm_vsock_state__produce (conn, &vsock->rx, &freed);
  if (freed)
    return written;
  if (vmm_list__empty (&conn->ready))
    vmm_vsock_conn__rewatch (conn);
  if (written == 0 && vmm_list__empty (&conn->ready))
    return -1;
  /* With nothing written it has something that the buffer is too small for: that one goes back, so that there is an end of them. */
  return written;
}

/** The buffer in vsock->rx and others after it, when a connection has much to send. */
static enum vmm_pop
fill_several (struct vmm_vsock *vsock, unsigned *budget, bool *done)
{
  struct vmm_vsock_conn *conn;
  enum vmm_pop got;

  if (vsock->n_refusals)
    return VMM_POP_CHAIN;
  conn = vmm_list__entry (vsock->ready.next, struct vmm_vsock_conn, ready);
  if (!vmm_vsock_batch__suits (conn))
    return VMM_POP_CHAIN;
  got = vmm_vsock_batch__run (conn, budget, done);
  if (!*done || got == VMM_POP_BROKEN)
    return got;
  vmm_list__remove (&conn->ready); /* back at the end, if it has more: everyone in turn */
  vmm_vsock_conn__schedule (conn);
  if (vmm_list__empty (&conn->ready))
    vmm_vsock_conn__rewatch (conn);
  return got;
}

static void
pump_queue (struct vmm_vsock *vsock)
{
  struct vmm_queue *queue = &vsock->base->queues[VMM_VSOCK_RX];
  unsigned budget = VMM_DRAIN_MAX;
  enum vmm_pop got = VMM_POP_EMPTY;

  while ((vsock->n_refusals || !vmm_list__empty (&vsock->ready)) &&
         (got = vmm_virtio__next (vsock->base, VMM_VSOCK_RX, &budget, &vsock->rx)) == VMM_POP_CHAIN) {
    bool done = false;
    int64_t written;

    got = fill_several (vsock, &budget, &done);
    if (got == VMM_POP_BROKEN)
      break;
    if (done)
      continue;
    written = fill (vsock);
    if (written < 0)
      vmm_queue__unpop (queue, &vsock->rx);
    else
      vmm_queue__push (queue, vsock->base->env->memory, vsock->rx.head, (uint32_t) written);
  }
  if (got == VMM_POP_BROKEN)
    broken (vsock, queue);
  vmm_virtio__used (vsock->base, VMM_VSOCK_RX);
}

void
vmm_vsock__pump (struct vmm_vsock *vsock)
{
  if (!vsock->running || vsock->paused)
    return;
  pump_queue (vsock);
  if (!vsock->running)
    return;
  for (struct vmm_list *at = vsock->ready.next; at != &vsock->ready; at = at->next)
    vmm_vsock_conn__rewatch (vmm_list__entry (at, struct vmm_vsock_conn, ready));
  if (vsock->tx_waits && vsock->n_refusals < VMM_VSOCK_REFUSALS_MAX) {
    vsock->tx_waits = false;
    vmm_virtio__again (vsock->base, VMM_VSOCK_TX);
  }
}

static void
receive (struct vmm_vsock *vsock)
{
  struct vmm_vsock_packet packet;
  uint8_t wire[VMM_VSOCK_HEADER];

  /* Once, before anything of it is looked at: the guest can change it meanwhile. */
  if (vmm_chain__read (&vsock->tx, 0, wire, sizeof wire) < sizeof wire) {
    vmm_vsock__log (vsock, "a packet is shorter than its header");
    return;
  }
  vmm_vsock_packet__decode (&packet, wire);
  vmm_vsock_state__receive (vsock, &vsock->tx, &packet);
}

static void
drain (struct vmm_vsock *vsock)
{
  struct vmm_queue *queue = &vsock->base->queues[VMM_VSOCK_TX];
  unsigned budget = VMM_DRAIN_MAX;
  enum vmm_pop got = VMM_POP_EMPTY;

  while (vsock->running) {
    if (vsock->n_refusals == VMM_VSOCK_REFUSALS_MAX) {
      vsock->tx_waits = true;
      break;
    }
    got = vmm_virtio__next (vsock->base, VMM_VSOCK_TX, &budget, &vsock->tx);
    if (got != VMM_POP_CHAIN)
      break;
    receive (vsock);
    vmm_queue__push (queue, vsock->base->env->memory, vsock->tx.head, 0);
  }
  if (got == VMM_POP_BROKEN)
    broken (vsock, queue);
  vmm_virtio__used (vsock->base, VMM_VSOCK_TX);
}

static void
send_event (struct vmm_vsock *vsock)
{
  struct vmm_queue *queue = &vsock->base->queues[VMM_VSOCK_EVENT];
  const struct vmm_memory *memory = vsock->base->env->memory;
  static const uint8_t event[4] = { EVENT_RESET, 0, 0, 0 };
  enum vmm_pop got;

  if (!vsock->tell_reset || !vsock->running || vsock->paused || !queue->ready)
    return;
  got = vmm_queue__pop (queue, memory, &vsock->rx);
  if (got == VMM_POP_BROKEN)
    broken (vsock, queue);
  if (got != VMM_POP_CHAIN)
    return;
  vsock->tell_reset = false;
  vmm_queue__push (queue, memory, vsock->rx.head, (uint32_t) vmm_chain__write (&vsock->rx, 0, event, sizeof event));
  vmm_virtio__used (vsock->base, VMM_VSOCK_EVENT);
}

bool
vmm_vsock__connect (struct vmm_vsock *vsock, uint32_t port, int fd)
{
  struct vmm_vsock_conn *conn;

  if (!vsock->running)
    return false;
  conn = vmm_vsock_conn__new (vsock, VMM_VSOCK_CONNECTING, vmm_vsock_table__free_port (vsock, port), port, fd);
  if (!conn)
    return false;
  conn->send = VMM_VSOCK_SEND_REQUEST;
  vmm_vsock_conn__schedule (conn);
  vmm_vsock_conn__rewatch (conn);
  vmm_vsock__pump (vsock);
  return true;
}

/** @all: those too that only have bytes left for the host. */
static void
drop_connections (struct vmm_vsock *vsock, bool all)
{
  for (struct vmm_list *at = vsock->all.next, *next; at != &vsock->all; at = next) {
    struct vmm_vsock_conn *conn = vmm_list__entry (at, struct vmm_vsock_conn, all);
    next = at->next;
    if (all || conn->state != VMM_VSOCK_LINGERING)
      vmm_vsock_conn__free (conn);
  }
  vsock->n_refusals = 0;
  vsock->tx_waits = false;
}

void
vmm_vsock__transport_reset (void *self)
{
  struct vmm_vsock *vsock = self;

  drop_connections (vsock, false);
  vsock->tell_reset = true;
  send_event (vsock);
}

static int
vsock_realize (void *self, struct vmm_virtio *base, const void *data, kata_error **err)
{
  const struct vmm_vsock_config *config = data;
  struct vmm_vsock *vsock = self;

  if (config->cid <= VMM_VSOCK_CID_HOST || config->cid == UINT32_MAX)
    return kata_error__set (err, KATA_E_INVALID, "vsock.cid", "%u is reserved; the guest's is 3 to 4294967294",
                            config->cid);
  if (config->connections > VMM_VSOCK_CONNECTIONS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "vsock.connections", "%u connections are too many; at most %u",
                            config->connections, VMM_VSOCK_CONNECTIONS_MAX);
  vsock->base = base;
  vsock->cid = config->cid;
  vsock->max = config->connections ? config->connections : VMM_VSOCK_CONNECTIONS;
  vsock->pool = VMM_VSOCK_CREDIT_POOL;
  vmm_list__init (&vsock->all);
  vmm_list__init (&vsock->ready);
  base->offered = F_STREAM;
  base->n_queues = 3;
  base->config_len = 8;
  vmm_queue__init (&base->queues[VMM_VSOCK_RX], QUEUE_SIZE);
  vmm_queue__init (&base->queues[VMM_VSOCK_TX], QUEUE_SIZE);
  vmm_queue__init (&base->queues[VMM_VSOCK_EVENT], EVENT_SIZE);
  int result = vmm_timer__new (&vsock->ask, base->env->loop, vmm_vsock_credit__timer, vsock, err);
  if (result == 0)
    result = vmm_vsock_host__open (vsock, config->listen_fd, err);
  if (result < 0)
    vmm_timer__free (vsock->ask);
  return result;
}

static void
vsock_unrealize (void *self)
{
  struct vmm_vsock *vsock = self;

  drop_connections (vsock, true);
  vmm_vsock_host__close (vsock);
  vmm_timer__free (vsock->ask);
}

static void
vsock_activate (void *self)
{
  struct vmm_vsock *vsock = self;

  /* Without one of them nothing could be answered. */
  vsock->running = vsock->base->queues[VMM_VSOCK_RX].ready && vsock->base->queues[VMM_VSOCK_TX].ready;
  vmm_vsock_host__driver_came (vsock);
}

static void
vsock_kick (void *self, unsigned queue)
{
  struct vmm_vsock *vsock = self;

  if (queue == VMM_VSOCK_TX)
    drain (vsock);
  if (queue == VMM_VSOCK_EVENT)
    send_event (vsock);
  else
    vmm_vsock__pump (vsock);
}

static void
vsock_reset (void *self)
{
  struct vmm_vsock *vsock = self;

  vsock->running = false;
  vsock->tell_reset = false;
  drop_connections (vsock, false);
}

static void
vsock_config_read (void *self, uint32_t offset, void *to, uint32_t len)
{
  const struct vmm_vsock *vsock = self;
  uint8_t config[8] = { 0 };

  for (unsigned i = 0; i < 4; i++)
    config[i] = (uint8_t) (vsock->cid >> (8 * i));
  memcpy (to, config + offset, len);
}

static void
vsock_quiesce (void *self)
{
  struct vmm_vsock *vsock = self;

  vsock->paused = true;
  rewatch_all (vsock);
  vmm_vsock_host__rewatch (vsock);
}

static void
vsock_resume (void *self)
{
  struct vmm_vsock *vsock = self;

  vsock->paused = false;
  rewatch_all (vsock);
  vmm_vsock_host__rewatch (vsock);
  vmm_vsock__pump (vsock);
  send_event (vsock);
}

const struct vmm_virtio_ops vmm_virtio_vsock_ops = {
  .size = sizeof (struct vmm_virtio_ops),
  .name = "virtio-vsock",
  .device_id = 19,
  .instance_size = sizeof (struct vmm_vsock),
  .realize = vsock_realize,
  .unrealize = vsock_unrealize,
  .activate = vsock_activate,
  .kick = vsock_kick,
  .reset = vsock_reset,
  .config_read = vsock_config_read,
  .quiesce = vsock_quiesce,
  .resume = vsock_resume,
};
