/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests share: a server with a few methods on one end of a socket pair; the other end is the test's. */
#ifndef TTRPC_TESTS_BED_H
#define TTRPC_TESTS_BED_H

#include "ttrpc/ttrpc.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct bed {
  ttrpc_server *server;
  pthread_t thread;
  int fd; /* the peer's end, until bed_client() takes it */
  int server_fd;
  atomic_int started, cancelled;
  atomic_int written, unwritten; /* answers of room and hang */
};

/*
 * Methods of service "t": echo; fail (code 42, text); hang (until cancelled); sleep (as many ms as the request's text says, then
 * echo); large (a reply of as many bytes as the request's text says); left (the time left, as text).
 */
void bed_open (struct bed *bed, uint32_t max_in_flight);
ttrpc_client *bed_client (struct bed *bed);
/* The first two of them, echo and hang. */
void bed_methods (struct ttrpc_method out[2]);
/* Closes the peer's end if it is still there, and waits for the server. */
void bed_close (struct bed *bed);

/* A decimal number in a payload, which has no NUL at its end. */
long number (const uint8_t *data, size_t len);
int64_t now_ms (void);
/* Of an atomic_int; check.h's macros trip over it. */
int get (atomic_int *value);
/* Until *value is at least @want, at most 10 s. */
void wait_for (atomic_int *value, int want);

int run_suite (Suite *suite);

#endif
