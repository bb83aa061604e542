/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial-port: the descriptor under a serial link: waits, reads chunks, writes, is woken; knows no session. */
#ifndef KATA_PROTO_SERIAL_PORT_H
#define KATA_PROTO_SERIAL_PORT_H

#include <stdatomic.h>

#include "proto/serial-chunk.h"

#define KATA_SERIAL_RAW_LEN (16u << 10)
#define KATA_SERIAL_NEVER   INT64_MAX

struct kata_serial_port {
  int fd;   /* non-blocking */
  int wake; /* eventfd: readable once woken */
  atomic_bool woken;
  /* A guest's port says "hung up" as long as no host is there, which is no end; a host's end is the end. */
  bool patient;
  int64_t away_since; /* of the reader; 0 = the other side is there */
  struct kata_serial_parser parser;
  size_t raw_pos, raw_len;
  uint8_t *raw;
  uint8_t *out; /* one chunk on its way out */
};

/* Takes @fd (also on failure). 0 or -errno. */
int kata_serial_port__init (struct kata_serial_port *port, int fd, bool patient);
void kata_serial_port__clear (struct kata_serial_port *port);

/* Makes every wait of port functions return -ECANCELED, now and later, until kata_serial_port__rearm(). Any thread. */
void kata_serial_port__wake (struct kata_serial_port *port);
void kata_serial_port__rearm (struct kata_serial_port *port);

/* Monotonic milliseconds. */
int64_t kata_serial_port__now (void);

/* What is in already, without waiting: KATA_SERIAL_MORE means that nothing whole is. */
enum kata_serial_event kata_serial_port__parse (struct kata_serial_port *port, struct kata_serial_chunk *chunk);
/* One read into the empty raw buffer: > 0, 0 = the other side is away, -EAGAIN, -errno. */
int kata_serial_port__fill (struct kata_serial_port *port);
/* Waits for @events until @deadline: > 0 = what poll saw, 0 = away (not patient: for good), -ETIMEDOUT, -ECANCELED, -errno. */
int kata_serial_port__wait (struct kata_serial_port *port, short events, int64_t deadline);
/* Sleeps a little because nobody is there: 20 ms at first, 200 ms when it has lasted for seconds. 0 or -ECANCELED. */
int kata_serial_port__nap (struct kata_serial_port *port);
/* What goes out without waiting: > 0, -EAGAIN, -errno. */
int64_t kata_serial_port__put (struct kata_serial_port *port, const void *data, size_t len);
/* All of it; 0 or -errno. When cancelled, part may be out. */
int kata_serial_port__write (struct kata_serial_port *port, const void *data, size_t len);
/* @len as one data chunk, at most KATA_SERIAL_PAYLOAD_MAX; bytes taken or -errno. */
int64_t kata_serial_port__write_data (struct kata_serial_port *port, const void *data, size_t len);

#endif
