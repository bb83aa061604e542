/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop: watches and timers that come, change and go inside callbacks and from other threads. */
#include "vmm/loop.h"

#include <check.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/raise.h"
#include "fake.h"

struct one {
  struct vmm_loop *loop;
  struct vmm_watch *watch, *other;
  struct vmm_timer *timer;
  int fd, calls;
  bool free_self, free_other, rest, drain;
};

static void
on_ready (void *ctx, uint32_t events)
{
  struct one *one = ctx;
  uint64_t count;
  one->calls++;
  ck_assert_uint_eq (events, EPOLLIN);
  if (one->drain)
    ck_assert_int_eq (read (one->fd, &count, 8), 8);
  if (one->rest)
    vmm_watch__set (one->watch, 0);
  if (one->free_self)
    vmm_watch__free (one->watch);
  if (one->free_other) {
    vmm_watch__free (one->other);
    one->free_other = false;
  }
}

static int
ready_fd (void)
{
  int fd = eventfd (1, EFD_NONBLOCK | EFD_CLOEXEC);
  ck_assert_int_ge (fd, 0);
  return fd;
}

START_TEST (a_watch_is_called_while_ready)
{
  struct fake *fake = fake_new (16 << 20);
  struct one a = { .loop = fake->env.loop, .fd = ready_fd () };
  ck_assert_int_eq (vmm_watch__new (&a.watch, a.loop, a.fd, EPOLLIN, on_ready, &a, NULL), 0);
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 1);
  a.drain = true;
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 1);
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 0);
  ck_assert_int_eq (a.calls, 2);
  vmm_watch__free (a.watch);
  close (a.fd);
  fake_free (fake);
}
END_TEST

START_TEST (a_watch_rests)
{
  struct fake *fake = fake_new (16 << 20);
  struct one a = { .loop = fake->env.loop, .fd = ready_fd (), .rest = true };
  ck_assert_int_eq (vmm_watch__new (&a.watch, a.loop, a.fd, EPOLLIN, on_ready, &a, NULL), 0);
  ck_assert_int_eq (fake_run (fake, 0), 1);
  vmm_watch__set (a.watch, EPOLLIN);
  ck_assert_int_eq (fake_run (fake, 0), 1);
  vmm_watch__free (a.watch);
  ck_assert_int_eq (fake_run (fake, 0), 0);
  vmm_watch__free (NULL);
  close (a.fd);
  fake_free (fake);
}
END_TEST

START_TEST (a_watch_may_go_in_a_callback)
{
  struct fake *fake = fake_new (16 << 20);
  struct one a = { .loop = fake->env.loop, .fd = ready_fd (), .free_other = true };
  struct one b = { .loop = fake->env.loop, .fd = ready_fd (), .free_other = true };
  ck_assert_int_eq (vmm_watch__new (&a.watch, a.loop, a.fd, EPOLLIN, on_ready, &a, NULL), 0);
  ck_assert_int_eq (vmm_watch__new (&b.watch, b.loop, b.fd, EPOLLIN, on_ready, &b, NULL), 0);
  a.other = b.watch;
  b.other = a.watch;
  /* Both are ready in one round; whichever comes first frees the other, whose event is dropped. */
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 1);
  ck_assert_int_eq (a.calls + b.calls, 1);
  struct one *left = a.calls == 1 ? &a : &b;
  left->free_self = true;
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 1);
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 0);
  close (a.fd);
  close (b.fd);
  fake_free (fake);
}
END_TEST

START_TEST (a_wrong_descriptor_is_an_error)
{
  struct fake *fake = fake_new (16 << 20);
  struct one a = { 0 };
  ck_assert_int_eq (vmm_watch__new (&a.watch, fake->env.loop, 9999, EPOLLIN, on_ready, &a, NULL), KATA_E_IO);
  ck_assert_ptr_null (a.watch);
  fake_free (fake);
}
END_TEST

static void
on_time (void *ctx)
{
  struct one *one = ctx;
  if (++one->calls < 3)
    vmm_timer__arm (one->timer, 0);
}

START_TEST (timers)
{
  struct fake *fake = fake_new (16 << 20);
  struct one a = { .loop = fake->env.loop }, b = { .loop = fake->env.loop, .calls = 10 };
  ck_assert_int_eq (vmm_timer__new (&a.timer, a.loop, on_time, &a, NULL), 0);
  ck_assert_int_eq (vmm_timer__new (&b.timer, b.loop, on_time, &b, NULL), 0);
  ck_assert_int_eq (vmm_loop__step (a.loop, 0), 0);
  int64_t before = vmm_loop__now ();
  vmm_timer__arm (b.timer, 30 * 1000000);
  vmm_timer__arm (a.timer, 10 * 1000000);
  while (b.calls == 10)
    vmm_loop__step (a.loop, 1000);
  ck_assert_int_eq (a.calls, 3);
  ck_assert_int_ge (vmm_loop__now () - before, 30 * 1000000);
  vmm_timer__arm (a.timer, 1);
  vmm_timer__disarm (a.timer);
  vmm_timer__disarm (a.timer);
  ck_assert_int_eq (vmm_loop__step (a.loop, 5), 0);
  vmm_timer__arm (a.timer, INT64_MAX);
  ck_assert_int_eq (vmm_loop__step (a.loop, 5), 0);
  vmm_timer__free (a.timer);
  vmm_timer__free (b.timer);
  vmm_timer__free (NULL);
  fake_free (fake);
}
END_TEST

struct threads {
  pthread_mutex_t lock;
  struct vmm_loop *loop;
  struct vmm_timer *timer;
  struct vmm_watch *watch;
  int fd, timer_calls, watch_calls;
};

static void
count_time (void *ctx)
{
  ((struct threads *) ctx)->timer_calls++;
}

static void
count_ready (void *ctx, uint32_t events)
{
  struct threads *t = ctx;
  uint64_t count;
  ck_assert_int_eq (read (t->fd, &count, 8), 8);
  t->watch_calls++;
}

static void *
run_loop (void *ctx)
{
  vmm_loop__run (((struct threads *) ctx)->loop);
  return NULL;
}

/* What a vCPU does: it changes the loop, under the lock, while the loop's thread sleeps or serves. */
START_TEST (another_thread)
{
  struct threads t = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC) };
  pthread_t thread;
  ck_assert_int_eq (vmm_loop__new (&t.loop, &t.lock, NULL), 0);
  ck_assert_int_eq (vmm_timer__new (&t.timer, t.loop, count_time, &t, NULL), 0);
  ck_assert_int_eq (pthread_create (&thread, NULL, run_loop, &t), 0);
  for (int i = 0; i < 200; i++) {
    pthread_mutex_lock (&t.lock);
    ck_assert_int_eq (vmm_watch__new (&t.watch, t.loop, t.fd, EPOLLIN, count_ready, &t, NULL), 0);
    vmm_timer__arm (t.timer, i % 2 ? 0 : 100000);
    int watch_calls = t.watch_calls, timer_calls = t.timer_calls;
    pthread_mutex_unlock (&t.lock);
    ck_assert_int_eq (write (t.fd, &(uint64_t){ 1 }, 8), 8);
    for (bool done = false; !done; usleep (50)) {
      pthread_mutex_lock (&t.lock);
      done = t.watch_calls > watch_calls && t.timer_calls > timer_calls;
      pthread_mutex_unlock (&t.lock);
    }
    pthread_mutex_lock (&t.lock);
    vmm_watch__free (t.watch);
    pthread_mutex_unlock (&t.lock);
  }
  vmm_loop__quit (t.loop);
  pthread_join (thread, NULL);
  vmm_loop__run (t.loop); /* sticky */
  vmm_timer__free (t.timer);
  vmm_loop__free (t.loop);
  close (t.fd);
}
END_TEST

START_TEST (interrupts_of_the_fake)
{
  struct fake *fake = fake_new (16 << 20);
  struct vmm_irq line, second, msi, none = { .fd = -1 };
  const struct vmm_irq_ops *ops = fake->env.irqs.ops;
  ck_assert_int_eq (ops->line (fake, &line, VMM_IRQ_SERIAL, NULL), 0);
  ck_assert_int_eq (ops->line (fake, &second, -1, NULL), 0);
  ck_assert_int_eq (ops->msi (fake, &msi, NULL), 0);
  vmm_irq__raise (&line);
  vmm_irq__raise (&line);
  vmm_irq__raise (&none);
  ck_assert_uint_eq (fake_raised (fake, line.gsi), 2);
  ck_assert_uint_eq (fake_raised (fake, line.gsi), 0);
  ops->release (fake, &line);
  ops->release (fake, &second);
  ops->release (fake, &msi);
  vmm_env__log (&fake->env, "test", "%s %d", "number", 7);
  ck_assert_str_eq (fake->last_log, "test: number 7");
  fake_free (fake);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/loop");
  TCase *tcase = tcase_create ("loop");
  tcase_add_test (tcase, a_watch_is_called_while_ready);
  tcase_add_test (tcase, a_watch_rests);
  tcase_add_test (tcase, a_watch_may_go_in_a_callback);
  tcase_add_test (tcase, a_wrong_descriptor_is_an_error);
  tcase_add_test (tcase, timers);
  tcase_add_test (tcase, another_thread);
  tcase_add_test (tcase, interrupts_of_the_fake);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
