/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: what a process costs while a guest attacks it: processor time of each thread, memory of its own, descriptors. */
#ifndef HOSTILE_WATCH_H
#define HOSTILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WATCH_THREADS 64
/** Name of threads that are the test's own and not the machine's. */
#define WATCH_NOT_THESE "hostile-test"

struct watch_thread {
  pid_t tid;
  char name[16];
  bool ignored; /* a vCPU, or the test's own */
  long at_progress_ms, now_ms;
};

struct watch {
  pid_t pid;
  pid_t not_this; /* a thread of the test's own */
  long base_kib, peak_kib;
  size_t n_threads;
  struct watch_thread threads[WATCH_THREADS];
  long worst_ms; /* the longest that a thread worked without progress */
  char worst_name[16];
};

void watch_begin (struct watch *watch, pid_t pid, pid_t not_this);
/** The guest has got on: from here on time and, with @base, memory count anew. */
void watch_progress (struct watch *watch, bool base);
/** Look once more; milliseconds that the busiest thread but vCPUs has worked since the last progress. */
long watch_look (struct watch *watch);
/** Memory of the process that is not shared: KiB. */
long watch_memory_kib (pid_t pid);
size_t watch_descriptors (pid_t pid);

#endif
