/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop: descriptors and timers of the devices on one epoll; other threads may add, change and free them under the device lock. */
#include "vmm/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#define EVENTS_MAX 32
#define NEVER      INT64_MAX

struct vmm_watch {
  struct vmm_loop *loop;
  int fd;
  uint32_t events; /* 0 = not in the epoll set: EPOLLERR and EPOLLHUP would come unasked */
  vmm_watch_fn fn; /* NULL = freed, waiting in the graveyard */
  void *ctx;
  struct vmm_watch *next_dead;
};

struct vmm_timer {
  struct vmm_loop *loop;
  int64_t deadline; /* NEVER = not armed */
  vmm_timer_fn fn;
  void *ctx;
  struct vmm_timer *next; /* armed ones, soonest first */
};

/*
 * All but `quit` is under @lock. Between epoll_wait() and the callbacks the loop's thread holds pointers to watches without the lock: a watch
 * freed then is only marked, and released before the next wait, when no such pointer is left.
 */
struct vmm_loop {
  pthread_mutex_t *lock;
  int epoll_fd, wake_fd;
  atomic_bool quit;
  int64_t sleeping_until; /* the timer that ends the wait */
  bool waiting;           /* in epoll_wait(), or about to be */
  struct vmm_timer *timers;
  struct vmm_watch *graveyard;
};

static void
enter (struct vmm_loop *loop)
{
  if (loop->lock != NULL)
    pthread_mutex_lock (loop->lock);
}

static void
leave (struct vmm_loop *loop)
{
  if (loop->lock != NULL)
    pthread_mutex_unlock (loop->lock);
}

int64_t
vmm_loop__now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

int
vmm_loop__new (struct vmm_loop **out, pthread_mutex_t *lock, kata_error **err)
{
  struct vmm_loop *loop = calloc (1, sizeof *loop);
  if (loop == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "loop: no memory");
  loop->lock = lock;
  loop->sleeping_until = NEVER;
  loop->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  loop->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event wake = { .events = EPOLLIN, .data.ptr = &loop->wake_fd };
  if (loop->epoll_fd < 0 || loop->wake_fd < 0 || epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) < 0) {
    int saved = errno;
    vmm_loop__free (loop);
    return kata_error__errno (err, KATA_E_IO, NULL, saved, "loop: cannot make its descriptors");
  }
  *out = loop;
  return 0;
}

static void
bury (struct vmm_loop *loop)
{
  while (loop->graveyard != NULL) {
    struct vmm_watch *watch = loop->graveyard;
    loop->graveyard = watch->next_dead;
    free (watch);
  }
}

void
vmm_loop__free (struct vmm_loop *loop)
{
  if (loop == NULL)
    return;
  bury (loop);
  kata_fd__close (loop->epoll_fd);
  kata_fd__close (loop->wake_fd);
  free (loop);
}

static void
wake_up (struct vmm_loop *loop)
{
  if (write (loop->wake_fd, &(uint64_t){ 1 }, sizeof (uint64_t)) < 0)
    return; /* the counter is full: it wakes up already */
}

/* ---- watches ---- */

static int
set_events (struct vmm_watch *watch, uint32_t events)
{
  int op = watch->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  struct epoll_event event = { .events = events, .data.ptr = watch };
  if (events != watch->events && epoll_ctl (watch->loop->epoll_fd, op, watch->fd, &event) < 0)
    return -1;
  watch->events = events;
  return 0;
}

int
vmm_watch__new (struct vmm_watch **out, struct vmm_loop *loop, int fd, uint32_t events, vmm_watch_fn fn, void *ctx,
                kata_error **err)
{
  struct vmm_watch *watch = calloc (1, sizeof *watch);
  if (watch == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "loop: no memory for a watch");
  *watch = (struct vmm_watch){ .loop = loop, .fd = fd, .fn = fn, .ctx = ctx };
  if (set_events (watch, events) < 0) {
    int saved = errno;
    free (watch);
    return kata_error__errno (err, KATA_E_IO, NULL, saved, "loop: cannot watch descriptor %d", fd);
  }
  *out = watch;
  return 0;
}

void
vmm_watch__set (struct vmm_watch *watch, uint32_t events)
{
  (void) set_events (watch, events);
}

void
vmm_watch__free (struct vmm_watch *watch)
{
  if (watch == NULL)
    return;
  (void) set_events (watch, 0);
  watch->fn = NULL;
  watch->next_dead = watch->loop->graveyard;
  watch->loop->graveyard = watch;
}

/* ---- timers ---- */

int
vmm_timer__new (struct vmm_timer **out, struct vmm_loop *loop, vmm_timer_fn fn, void *ctx, kata_error **err)
{
  struct vmm_timer *timer = calloc (1, sizeof *timer);
  if (timer == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "loop: no memory for a timer");
  *timer = (struct vmm_timer){ .loop = loop, .deadline = NEVER, .fn = fn, .ctx = ctx };
  *out = timer;
  return 0;
}

void
vmm_timer__disarm (struct vmm_timer *timer)
{
  if (timer->deadline == NEVER)
    return;
  struct vmm_timer **at = &timer->loop->timers;
  while (*at != timer)
    at = &(*at)->next;
  *at = timer->next;
  timer->deadline = NEVER;
}

void
vmm_timer__arm (struct vmm_timer *timer, int64_t nanoseconds)
{
  struct vmm_loop *loop = timer->loop;
  vmm_timer__disarm (timer);
  if (__builtin_add_overflow (vmm_loop__now (), nanoseconds > 0 ? nanoseconds : 0, &timer->deadline))
    timer->deadline = NEVER - 1;
  struct vmm_timer **at = &loop->timers;
  while (*at != NULL && (*at)->deadline <= timer->deadline)
    at = &(*at)->next;
  timer->next = *at;
  *at = timer;
  /* It sleeps too long otherwise; who is not asleep looks at the timers before it sleeps. */
  if (loop->waiting && timer->deadline < loop->sleeping_until)
    wake_up (loop);
}

void
vmm_timer__free (struct vmm_timer *timer)
{
  if (timer == NULL)
    return;
  vmm_timer__disarm (timer);
  free (timer);
}

/* How long to wait for descriptors, at most @most (-1: for ever): until the first timer, in whole milliseconds, rather too late than too early. */
static int
time_to_wait (struct vmm_loop *loop, int most)
{
  loop->sleeping_until = loop->timers != NULL ? loop->timers->deadline : NEVER;
  if (loop->timers == NULL)
    return most;
  int64_t left = loop->timers->deadline - vmm_loop__now ();
  int64_t ms = left < 0 ? 0 : left / 1000000 + 1;
  if (most >= 0 && most < ms)
    return most;
  return ms < INT_MAX ? (int) ms : INT_MAX;
}

/* Those due now, once each: one that arms itself for at once comes again in the next round, after the descriptors. */
static int
run_timers (struct vmm_loop *loop)
{
  int64_t now = vmm_loop__now ();
  int ran = 0;
  enter (loop);
  while (loop->timers != NULL && loop->timers->deadline < now && ran < EVENTS_MAX) {
    struct vmm_timer *timer = loop->timers;
    vmm_timer__disarm (timer);
    timer->fn (timer->ctx);
    ran++;
    leave (loop);
    enter (loop);
  }
  leave (loop);
  return ran;
}

/* ---- running ---- */

static void
drain (int fd)
{
  uint64_t count;
  if (read (fd, &count, sizeof count) < 0)
    return;
}

/* Returns how many callbacks ran: 0 or 1. The lock is given up after each, so that a vCPU gets its turn. */
static int
serve (struct vmm_loop *loop, void *ptr, uint32_t events)
{
  int ran = 0;
  enter (loop);
  if (ptr == &loop->wake_fd)
    drain (loop->wake_fd);
  else {
    struct vmm_watch *watch = ptr;
    /* Freed, put to rest or asked for other events since epoll_wait() returned. */
    uint32_t ready = watch->events == 0 ? 0 : events & (watch->events | EPOLLERR | EPOLLHUP);
    if (watch->fn != NULL && ready != 0) {
      watch->fn (watch->ctx, ready);
      ran = 1;
    }
  }
  leave (loop);
  return ran;
}

int
vmm_loop__step (struct vmm_loop *loop, int timeout_ms)
{
  struct epoll_event events[EVENTS_MAX];
  enter (loop);
  bury (loop);
  int wait = time_to_wait (loop, timeout_ms);
  loop->waiting = true;
  leave (loop);
  int n = epoll_wait (loop->epoll_fd, events, EVENTS_MAX, wait), ran = 0;
  enter (loop);
  loop->waiting = false;
  leave (loop);
  for (int i = 0; i < n; i++)
    ran += serve (loop, events[i].data.ptr, events[i].events);
  return ran + run_timers (loop);
}

void
vmm_loop__run (struct vmm_loop *loop)
{
  while (!atomic_load (&loop->quit))
    vmm_loop__step (loop, -1);
}

void
vmm_loop__quit (struct vmm_loop *loop)
{
  atomic_store (&loop->quit, true);
  wake_up (loop);
}
