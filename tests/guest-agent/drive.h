/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive: what the steps of drive-agent share. */
#ifndef TEST_GUEST_AGENT_DRIVE_H
#define TEST_GUEST_AGENT_DRIVE_H

#include <stdio.h>
#include <time.h>

#include "client.h"

struct test {
  struct client client;
  const char *address, *rootfs;
  int failures;
};

#define EXPECT(client, condition)                                                                                      \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf ("%s:%d: not so: %s (last call: %d \"%s\")\n", __func__, __LINE__, #condition, (client)->code,            \
              (client)->message);                                                                                      \
      test->failures++;                                                                                                \
    }                                                                                                                  \
  } while (0)

static inline double
now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

void step_health (struct test *test);
void step_guest (struct test *test);
void step_sandbox (struct test *test);
void step_network (struct test *test);
void step_run (struct test *test);
void step_exec (struct test *test);
void step_bulk (struct test *test);
void step_cancel (struct test *test);
void step_terminal (struct test *test);
void step_stats (struct test *test);
void step_pause (struct test *test);
void step_update (struct test *test);
void step_parallel (struct test *test);
void step_reconnect (struct test *test);
void step_oom (struct test *test);
void step_pids (struct test *test);
void step_frozen (struct test *test);
void step_stop (struct test *test);
void step_copy (struct test *test);
void step_hostile (struct test *test);
void step_overlay (struct test *test);
void step_share (struct test *test);
void step_disk (struct test *test);
void step_many (struct test *test);
void step_end (struct test *test);

#endif
