/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vsock-device: what the parts of the vsock device share: the device, its connections, the programs of the host; for vsock*.c alone. */
#ifndef KATA_VMM_VIRTIO_VSOCK_DEVICE_H
#define KATA_VMM_VIRTIO_VSOCK_DEVICE_H

#include "vmm/virtio/virtio.h"
#include "vmm/virtio/vsock-list.h"
#include "vmm/virtio/vsock-packet.h"

/* What may be buffered for the host's programs. A connection is promised VMM_VSOCK_CREDIT_MIN bytes and its share of the pool, so that
 * connections x MIN + POOL is all that a guest can make us hold, whatever it sends and whoever does not read. */
#define VMM_VSOCK_CREDIT_MIN  2048u
#define VMM_VSOCK_CREDIT_MAX  (256u << 10)
#define VMM_VSOCK_CREDIT_POOL (2u << 20)

#define VMM_VSOCK_CONNECTIONS     1024u /* default */
#define VMM_VSOCK_CONNECTIONS_MAX 16384u
#define VMM_VSOCK_LINES_MAX       64u /* programs that have not said yet what they want */
#define VMM_VSOCK_HELD_MAX        64u /* programs that wait for the guest's driver */
#define VMM_VSOCK_LISTENERS_MAX   64u
#define VMM_VSOCK_LINE_MAX        32u /* with its newline */
#define VMM_VSOCK_ASK_NS          INT64_C (20000000)
#define VMM_VSOCK_LINE_NS         INT64_C (2000000000)
#define VMM_VSOCK_REFUSALS_MAX    128u
#define VMM_VSOCK_BUCKETS         256u
#define VMM_VSOCK_BATCH_MAX       16u /* buffers filled by one read */
/* Ports of the host's for connections from it; far from what programs listen on. */
#define VMM_VSOCK_PORT_FIRST (UINT32_C (1) << 30)
#define VMM_VSOCK_PORT_LAST  (UINT32_C (0x7fffffff))

enum { VMM_VSOCK_RX = 0, VMM_VSOCK_TX = 1, VMM_VSOCK_EVENT = 2 };

enum vmm_vsock_state {
  VMM_VSOCK_CONNECTING = 1, /* from the host: the guest has not answered REQUEST */
  VMM_VSOCK_OPEN,           /* data may flow, as far as the shut flags allow; the descriptor may be closed already */
  VMM_VSOCK_DYING,          /* it is over, the guest has still to be sent RST; no descriptor */
  VMM_VSOCK_LINGERING,      /* it is over for the guest, which may use its ports again; the host has bytes to read */
};

/* Packets that wait for a buffer of the guest's. */
#define VMM_VSOCK_SEND_REQUEST  1u
#define VMM_VSOCK_SEND_RESPONSE 2u
#define VMM_VSOCK_SEND_RST      4u
#define VMM_VSOCK_SEND_SHUTDOWN 8u
#define VMM_VSOCK_SEND_CREDIT   16u
#define VMM_VSOCK_SEND_ASK      32u /* CREDIT_REQUEST */

struct vmm_vsock;

struct vmm_vsock_conn {
  struct vmm_vsock *vsock;
  struct vmm_list all, ready;     /* in all lives each; in ready those with something for the guest */
  struct vmm_vsock_conn *next;    /* in the bucket */
  uint32_t local_port, peer_port; /* the host's and the guest's */
  enum vmm_vsock_state state;
  int fd; /* -1: closed */
  struct vmm_watch *watch;
  uint32_t watched;    /* events asked for */
  uint32_t send;       /* VMM_VSOCK_SEND_* */
  uint32_t shut_guest; /* what the guest said it will no longer do */
  uint32_t shut_host;  /* what we said, or are about to say, for the host */
  bool readable;       /* the descriptor may have something */
  bool hung_up;
  /* Towards the guest: sent, and what it can take. Counters wrap. */
  uint32_t sent, peer_alloc, peer_forwarded;
  bool asked;     /* for credit, since there is none; or will be soon */
  bool clamped;   /* the guest can take more than we let fly */
  unsigned burst; /* buffers of the guest's that the next read is likely to fill */
  /* From the guest: what is promised, got, handed to the host; what of it the guest knows. */
  uint32_t alloc, got, forwarded, told;
  uint8_t *buffer; /* ring of @alloc bytes; NULL when empty */
  uint32_t start, held;
};

/** A program that has connected and not said all of its line; or has, and waits for the guest's driver. */
struct vmm_vsock_line {
  struct vmm_vsock *vsock;
  struct vmm_list link;
  int fd;
  struct vmm_watch *watch;
  int64_t deadline;
  uint32_t held_port; /* of the guest's, that it waits for; 0 = it has not said all */
  unsigned n;
  char text[VMM_VSOCK_LINE_MAX];
};

struct vmm_vsock_listener {
  struct vmm_vsock *vsock;
  struct vmm_list link;
  int fd;
  struct vmm_watch *watch;
  uint32_t port;
};

/** The host's side: the listening socket and who has come by it. */
struct vmm_vsock_host {
  int fd;
  struct vmm_watch *watch;
  struct vmm_timer *timer; /* deadlines of lines; also when accept4() has to be tried again */
  bool watching;
  bool resting; /* no accept4() until a line ends or the timer fires */
  struct vmm_list lines, held, listeners;
  unsigned n_lines, n_held, n_listeners;
};

struct vmm_vsock {
  struct vmm_virtio *base;
  uint32_t cid;
  unsigned max, n; /* connections */
  bool running;    /* the driver is there and nothing is broken: queues may be touched */
  bool paused;
  bool tx_waits;   /* the transmit queue is not looked at, as refusals have no room */
  bool tell_reset; /* the guest has to be told of a transport reset */
  uint32_t pool, next_port;
  struct vmm_list all, ready;
  struct vmm_vsock_conn *buckets[VMM_VSOCK_BUCKETS];
  struct vmm_vsock_packet refusals[VMM_VSOCK_REFUSALS_MAX];
  unsigned refusals_start, n_refusals;
  struct vmm_timer *ask; /* when to ask for credit that has not come by itself */
  bool ask_armed;
  struct vmm_vsock_host host;
  struct vmm_chain rx, tx; /* one packet's; here for their size */
  struct iovec iov[VMM_CHAIN_MAX];
};

/* ---- vsock-table.c: which connection has these ports ---- */
struct vmm_vsock_conn *vmm_vsock_table__find (const struct vmm_vsock *vsock, uint32_t local_port, uint32_t peer_port);
void vmm_vsock_table__add (struct vmm_vsock *vsock, struct vmm_vsock_conn *conn);
void vmm_vsock_table__remove (struct vmm_vsock *vsock, struct vmm_vsock_conn *conn);
/** A port of the host's that has no connection to @peer_port. */
uint32_t vmm_vsock_table__free_port (struct vmm_vsock *vsock, uint32_t peer_port);

/* ---- vsock-conn.c: a connection's life and its socket ---- */
/** Takes @fd when it succeeds. NULL: the cap is reached, or memory or epoll has no room. */
struct vmm_vsock_conn *vmm_vsock_conn__new (struct vmm_vsock *vsock, enum vmm_vsock_state state, uint32_t local_port,
                                            uint32_t peer_port, int fd);
void vmm_vsock_conn__free (struct vmm_vsock_conn *conn);
/** No more of it but the RST for the guest. */
void vmm_vsock_conn__kill (struct vmm_vsock_conn *conn);
/** Something changed: it goes into, or out of, the list of those that have something for the guest. */
void vmm_vsock_conn__schedule (struct vmm_vsock_conn *conn);
/** Watch the socket for what can be dealt with now, nothing else: no busy loop. */
void vmm_vsock_conn__rewatch (struct vmm_vsock_conn *conn);
/** The guest's bytes at @iov, @len in all, which the credit covers: to the socket, the rest into the buffer. Can end the connection. */
void vmm_vsock_conn__take (struct vmm_vsock_conn *conn, const struct iovec *iov, size_t n_iov, uint32_t len);
/** Bytes of the socket into @iov: how many, 0 when there are none now (state and schedule say what else happened). */
uint32_t vmm_vsock_conn__give (struct vmm_vsock_conn *conn, struct iovec *iov, size_t n_iov);
/** A read was given @taken buffers and filled @used of them: what the next one is given. */
void vmm_vsock_conn__learn (struct vmm_vsock_conn *conn, unsigned taken, unsigned used);
/** The guest will send no more, and perhaps receive no more. Can end the connection. */
void vmm_vsock_conn__guest_shut (struct vmm_vsock_conn *conn, uint32_t flags);

/* ---- vsock-credit.c: who may send how much ---- */
uint32_t vmm_vsock_credit__promise (struct vmm_vsock *vsock);
void vmm_vsock_credit__give_back (struct vmm_vsock *vsock, uint32_t alloc);
/** What the guest says about itself in each packet. */
void vmm_vsock_credit__update (struct vmm_vsock_conn *conn, const struct vmm_vsock_packet *packet);
/** Bytes that the guest can take now. */
uint32_t vmm_vsock_credit__left (const struct vmm_vsock_conn *conn);
/** There is no credit: the guest is asked for some, now or when none has come for a while. */
void vmm_vsock_credit__ask (struct vmm_vsock_conn *conn);
void vmm_vsock_credit__timer (void *vsock);
/** @n more bytes have left for the host: tells the guest when that is worth a packet. */
void vmm_vsock_credit__forwarded (struct vmm_vsock_conn *conn, uint32_t n);

/* ---- vsock-state.c: what a packet of the guest's does ---- */
/** @chain: the whole packet; @packet: its header, checked as far as vmm_vsock_packet__fault() does. */
void vmm_vsock_state__receive (struct vmm_vsock *vsock, const struct vmm_chain *chain,
                               const struct vmm_vsock_packet *packet);
/** The next packet of @conn into @chain: bytes written, 0 when it has none after all. Frees it after its RST. */
uint32_t vmm_vsock_state__produce (struct vmm_vsock_conn *conn, const struct vmm_chain *chain, bool *freed);
/** It is to have bytes of the socket, if there are any and there is credit; no packet comes before them. */
bool vmm_vsock_state__has_data (const struct vmm_vsock_conn *conn);
/** A packet's header into @wire; it tells what has been forwarded. */
void vmm_vsock_state__head (struct vmm_vsock_conn *conn, uint16_t op, uint32_t len, uint8_t wire[VMM_VSOCK_HEADER]);

/* ---- vsock-batch.c: several buffers by one read ---- */
bool vmm_vsock_batch__suits (const struct vmm_vsock_conn *conn);
/**
 * Into vsock->rx, which was taken already, and further buffers. *@done false: nothing was done, vsock->rx has to be filled on its own. Otherwise all
 * that were taken are with the guest or put back.
 */
enum vmm_pop vmm_vsock_batch__run (struct vmm_vsock_conn *conn, unsigned *budget, bool *done);

/* ---- vsock-host.c: programs of the host ---- */
int vmm_vsock_host__open (struct vmm_vsock *vsock, int listen_fd, kata_error **err);
void vmm_vsock_host__close (struct vmm_vsock *vsock);
/** Paused or not: all watches. */
void vmm_vsock_host__rewatch (struct vmm_vsock *vsock);
/** The guest's driver is there: who waits for it is connected, or refused. */
void vmm_vsock_host__driver_came (struct vmm_vsock *vsock);
/** A descriptor for the guest's connection from @peer_port to the host's @local_port; -1 when nobody listens or the program is too slow. */
int vmm_vsock_host__accept (struct vmm_vsock *vsock, uint32_t local_port, uint32_t peer_port);

/* ---- vsock-line.c: the line that a program says; pure ---- */
enum vmm_vsock_verb { VMM_VSOCK_VERB_NONE = 0, VMM_VSOCK_VERB_CONNECT, VMM_VSOCK_VERB_LISTEN };
/** @text: @len bytes without the newline. NONE: it is neither, or the port is not 1 to 2^32 - 2. */
enum vmm_vsock_verb vmm_vsock_line__parse (const char *text, size_t len, uint32_t *port);

/* ---- vsock.c ---- */
/** Give the guest what is there for it, as far as it has buffers. Ends each callback that may have changed something. */
void vmm_vsock__pump (struct vmm_vsock *vsock);
void vmm_vsock__refuse (struct vmm_vsock *vsock, const struct vmm_vsock_packet *packet);
/** A program wants the guest's @port: true, and @fd is taken; false: refused. */
bool vmm_vsock__connect (struct vmm_vsock *vsock, uint32_t port, int fd);
void vmm_vsock__log (struct vmm_vsock *vsock, const char *text);

#endif
