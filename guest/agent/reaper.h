/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reaper: the one owner of waitpid: hands the status of every child, direct or inherited, to whoever watches its pid. */
#ifndef AGENT_REAPER_H
#define AGENT_REAPER_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

/* Statuses nobody has claimed yet: a process may end before crun's pid file has been read. The oldest are forgotten. */
#define REAPER_KEPT_MAX 1024

/* One pid of interest. Lives in the watcher's memory between reaper_watch() or reaper_spawn() and reaper_forget(). */
struct watch {
  pid_t pid;
  int event_fd; /* readable for ever once the process has ended; never read */
  int exited;   /* the next two under the reaper's lock: read them through watch_status() */
  int status;   /* as waitpid() says */
  struct watch *next;
};

struct reaper {
  pthread_mutex_t lock;
  struct watch *watches;
  struct {
    pid_t pid;
    int status;
    uint64_t serial;
  } kept[REAPER_KEPT_MAX];
  uint64_t serial; /* of the last status; the first is 1 */
};

/** Blocks SIGCHLD in the calling thread; call it before any other thread exists. */
void reaper_init (struct reaper *reaper);
/** Starts the thread. 0 or -errno. */
int reaper_start (struct reaper *reaper);

/** 0 or -1 with errno. */
int watch_init (struct watch *watch);
void watch_clear (struct watch *watch);
/** Non-zero when it has ended; @status (nullable) as waitpid() says. */
int watch_status (struct reaper *reaper, struct watch *watch, int *status);

/** A point in time for reaper_watch(): statuses from before it belong to an earlier process of the same number. */
uint64_t reaper_now (struct reaper *reaper);
void reaper_watch (struct reaper *reaper, struct watch *watch, pid_t pid, uint64_t since);
void reaper_forget (struct reaper *reaper, struct watch *watch);
/** Starts the program @path with a clean signal state and exactly the three descriptors of @stdio. 0 or -errno. */
int reaper_spawn (struct reaper *reaper, struct watch *watch, const char *path, char *const argv[], const int stdio[3]);

#endif
