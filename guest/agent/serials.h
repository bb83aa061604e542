/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serials: disks by their serial numbers. To read one may be to ask the disk, and one whose server has died answers never. */
#ifndef AGENT_SERIALS_H
#define AGENT_SERIALS_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

#define SERIALS_MAX 48

/** One disk as long as it is there: another of its name has another directory in sysfs. */
struct serials_disk {
  ino_t directory; /* 0 = none */
  char name[32], serial[68];
  unsigned round; /* in which it was last read */
  int reading, placed;
};

/** Shared by all threads. Each disk is read by at most one thread, so at most SERIALS_MAX wait in vain; those can neither be ended nor waited for. */
struct serials {
  const char *root; /* "/sys/block" */
  pthread_mutex_t lock;
  pthread_cond_t read; /* one was */
  unsigned round;
  struct serials_disk disks[SERIALS_MAX];
};
#define SERIALS_INIT(root_)                                                                                            \
  {                                                                                                                    \
    .root = (root_), .lock = PTHREAD_MUTEX_INITIALIZER, .read = PTHREAD_COND_INITIALIZER                               \
  }

/** A search: each disk is read once in its course. */
unsigned serials_begin (struct serials *serials);
/** The disk whose number is @id, after at most @wait_ms: 1 found, 0 not. Call it again as long as one may come. */
int serials_find (struct serials *serials, unsigned round, const char *id, unsigned wait_ms, char *name, size_t size);
/** @name was found by its place: its number is not ours, and it is never read. */
void serials_placed (struct serials *serials, const char *name);

#endif
