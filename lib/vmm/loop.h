/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop: the thread that serves devices: descriptors and timers, on epoll. */
#ifndef KATA_VMM_LOOP_H
#define KATA_VMM_LOOP_H

#include <pthread.h>
#include <stdint.h>

#include <kata/error.h>

struct vmm_loop;
struct vmm_watch;
struct vmm_timer;

/** @events: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP that are there. */
typedef void (*vmm_watch_fn) (void *ctx, uint32_t events);
typedef void (*vmm_timer_fn) (void *ctx);

/**
 * @lock: (nullable) the machine's device lock, held around every callback: code of devices never runs twice at once, on whatever thread, and needs
 * no lock of its own. So no callback blocks, and each bounds its work (VMM_DRAIN_MAX requests, then it asks to be called again).
 */
int vmm_loop__new (struct vmm_loop **out, pthread_mutex_t *lock, kata_error **err);
void vmm_loop__free (struct vmm_loop *loop); /* all watches and timers are gone before */

#define VMM_DRAIN_MAX 256

/* Level-triggered. The descriptor stays the caller's; it is open until the watch is freed. All of these: with the device lock held. */
int vmm_watch__new (struct vmm_watch **out, struct vmm_loop *loop, int fd, uint32_t events, vmm_watch_fn fn, void *ctx,
                    kata_error **err);
void vmm_watch__set (struct vmm_watch *watch, uint32_t events); /* 0 = rest */
/** NULL-safe; allowed in any callback, its own included: it is not called again. Before the loop is freed. */
void vmm_watch__free (struct vmm_watch *watch);

int vmm_timer__new (struct vmm_timer **out, struct vmm_loop *loop, vmm_timer_fn fn, void *ctx, kata_error **err);
void vmm_timer__arm (struct vmm_timer *timer, int64_t nanoseconds); /* from now, once; again replaces it */
void vmm_timer__disarm (struct vmm_timer *timer);
void vmm_timer__free (struct vmm_timer *timer);

/** On the loop's own thread until vmm_loop__quit(). */
void vmm_loop__run (struct vmm_loop *loop);
/** Any thread; sticky. */
void vmm_loop__quit (struct vmm_loop *loop);
/** One round, for tests; returns how many callbacks ran. */
int vmm_loop__step (struct vmm_loop *loop, int timeout_ms);

int64_t vmm_loop__now (void); /* CLOCK_MONOTONIC, ns */

#endif
