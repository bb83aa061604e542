/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-control: the control socket with a double for the machine: verbs, hostile and slow clients, wrong users; the start socket; last lines. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/raise.h"
#include "vmm/confine/layer.h"
#include "vmm/control.h"
#include "vmm/describe.h"

struct bench {
  pthread_mutex_t lock;
  pthread_t thread;
  struct vmm_loop *loop;
  struct vmm_control *control;
  char dir[64], path[96];
  int listen_fd;
  /* the double */
  int pauses, resumes, buttons, stops;
  uint64_t pages;
  bool refuse_pause;
};

static int
double_pause (void *ctx, kata_error **err)
{
  struct bench *b = ctx;
  b->pauses++;
  return b->refuse_pause ? kata_error__set (err, KATA_E_STATE, NULL, "the machine ends") : 0;
}

static int
double_resume (void *ctx, kata_error **err)
{
  ((struct bench *) ctx)->resumes++;
  return 0;
}

static void
double_power (void *ctx)
{
  ((struct bench *) ctx)->buttons++;
}

static void
double_stop (void *ctx)
{
  ((struct bench *) ctx)->stops++;
}

static int
double_balloon (void *ctx, uint64_t pages, kata_error **err)
{
  ((struct bench *) ctx)->pages = pages;
  return 0;
}

static void
double_stats (void *ctx, struct vmm_stats *out)
{
  *out = (struct vmm_stats){ 11, 12, 13, -14, UINT64_MAX };
}

static const struct vmm_control_ops ops = {
  .pause = double_pause,
  .resume = double_resume,
  .press_power = double_power,
  .stop = double_stop,
  .balloon = double_balloon,
  .stats = double_stats,
};

static void *
run_loop (void *ctx)
{
  vmm_loop__run (((struct bench *) ctx)->loop);
  return NULL;
}

static void
bench_open (struct bench *b, uid_t uid)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  memset (b, 0, sizeof *b);
  pthread_mutex_init (&b->lock, NULL);
  ck_assert_int_eq (vmm_loop__new (&b->loop, &b->lock, NULL), 0);
  strcpy (b->dir, "/tmp/kata-test-control-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (b->dir));
  snprintf (b->path, sizeof b->path, "%s/c", b->dir);
  strcpy (address.sun_path, b->path);
  b->listen_fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (b->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (b->listen_fd, 4), 0);
  const struct vmm_control_config config = {
    .loop = b->loop, .listen_fd = b->listen_fd, .uid = uid, .ops = &ops, .ctx = b
  };
  pthread_mutex_lock (&b->lock);
  ck_assert_int_eq (vmm_control__serve (&b->control, &config, NULL), 0);
  pthread_mutex_unlock (&b->lock);
  ck_assert_int_eq (pthread_create (&b->thread, NULL, run_loop, b), 0);
}

static void
bench_close (struct bench *b)
{
  vmm_loop__quit (b->loop);
  pthread_join (b->thread, NULL);
  vmm_control__free (b->control);
  vmm_loop__free (b->loop);
  close (b->listen_fd);
  unlink (b->path);
  rmdir (b->dir);
}

static int64_t
soon (int ms)
{
  return vmm_loop__now () / 1000 + ms * INT64_C (1000);
}

static int
dial (struct bench *b)
{
  int fd = -1;
  kata_auto_error kata_error *error = NULL;
  int code = vmm_control__connect (&fd, AT_FDCWD, b->path, soon (5000), &error);
  ck_assert_msg (code == 0, "%s", kata_error_get_message (error));
  return fd;
}

/* The server closes @fd within @ms. */
static bool
closed_within (int fd, int ms)
{
  struct pollfd p = { .fd = fd, .events = POLLIN };
  char byte;
  return poll (&p, 1, ms) == 1 && recv (fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

START_TEST (verbs)
{
  struct bench b;
  struct vmm_control_reply reply;
  bench_open (&b, getuid ());
  int fd = dial (&b);
  ck_assert_int_eq (vmm_control__call (fd, &reply, VMM_CONTROL_STATUS, 0, soon (5000), NULL), 0);
  ck_assert_uint_eq (reply.state, VMM_CONTROL_RUNNING);
  for (int i = 0; i < 2; i++) { /* twice is once */
    ck_assert_int_eq (vmm_control__call (fd, &reply, VMM_CONTROL_PAUSE, 0, soon (5000), NULL), 0);
    ck_assert_uint_eq (reply.state, VMM_CONTROL_PAUSED);
  }
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq (vmm_control__call (fd, &reply, VMM_CONTROL_RESUME, 0, soon (5000), NULL), 0);
    ck_assert_uint_eq (reply.state, VMM_CONTROL_RUNNING);
  }
  ck_assert_int_eq (vmm_control__call (fd, &reply, VMM_CONTROL_STATS, 0, soon (5000), NULL), 0);
  ck_assert_uint_eq (reply.exits, 11);
  ck_assert_uint_eq (reply.exits_mmio, 12);
  ck_assert_uint_eq (reply.exits_pio, 13);
  ck_assert_int_eq (reply.first_run_ns, -14);
  ck_assert_uint_eq (reply.balloon_pages, UINT64_MAX);
  ck_assert_int_eq (vmm_control__call (fd, NULL, VMM_CONTROL_BALLOON, 1234567890123, soon (5000), NULL), 0);
  ck_assert_int_eq (vmm_control__call (fd, NULL, VMM_CONTROL_POWER, 0, soon (5000), NULL), 0);
  ck_assert_int_eq (vmm_control__call (fd, NULL, VMM_CONTROL_STOP, 0, soon (5000), NULL), 0);
  ck_assert_int_eq (vmm_control__call (fd, NULL, (enum vmm_control_op) 99, 0, soon (5000), NULL), KATA_E_UNSUPPORTED);
  pthread_mutex_lock (&b.lock);
  ck_assert_int_eq (b.pauses, 1);
  ck_assert_int_eq (b.resumes, 1);
  ck_assert_int_eq (b.buttons, 1);
  ck_assert_int_eq (b.stops, 1);
  ck_assert_uint_eq (b.pages, 1234567890123);
  b.refuse_pause = true;
  pthread_mutex_unlock (&b.lock);
  kata_auto_error kata_error *error = NULL;
  ck_assert_int_eq (vmm_control__call (fd, NULL, VMM_CONTROL_PAUSE, 0, soon (5000), &error), KATA_E_STATE);
  ck_assert_str_eq (kata_error_get_message (error), "control: the machine ends");
  ck_assert_int_eq (vmm_control__call (fd, &reply, VMM_CONTROL_STATUS, 0, soon (5000), NULL), 0);
  ck_assert_uint_eq (reply.state, VMM_CONTROL_RUNNING);
  close (fd);
  bench_close (&b);
}
END_TEST

START_TEST (hostile)
{
  struct bench b;
  char big[70000] = { 0 };
  bench_open (&b, getuid ());
  static const size_t sizes[] = { 1, 15, 17, 4096, sizeof big };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    int fd = dial (&b);
    ck_assert_int_eq (send (fd, big, sizes[i], 0), (int) sizes[i]);
    ck_assert_msg (closed_within (fd, 2000), "%zu bytes", sizes[i]);
    close (fd);
  }
  /* The right length with a wrong size in it. */
  int fd = dial (&b);
  ck_assert_int_eq (send (fd, big, sizeof (struct vmm_control_request), 0), (int) sizeof (struct vmm_control_request));
  ck_assert (closed_within (fd, 2000));
  close (fd);
  /* Asks for ever and never reads: sent away, and nobody else notices. */
  fd = dial (&b);
  struct vmm_control_request request = { sizeof request, VMM_CONTROL_STATUS, 0 };
  int sent = 0;
  while (sent < 100000 && (send (fd, &request, sizeof request, MSG_NOSIGNAL) > 0 || errno == EAGAIN))
    sent++;
  ck_assert_int_lt (sent, 100000);
  int other = dial (&b);
  ck_assert_int_eq (vmm_control__call (other, NULL, VMM_CONTROL_STATUS, 0, soon (5000), NULL), 0);
  close (fd);
  close (other);
  bench_close (&b);
}
END_TEST

/* All places taken by clients that say nothing: the next waits, and gets in when they are sent away. */
START_TEST (silent)
{
  struct bench b;
  int fds[VMM_CONTROL_CLIENTS_MAX];
  bench_open (&b, getuid ());
  for (int i = 0; i < VMM_CONTROL_CLIENTS_MAX; i++) {
    fds[i] = dial (&b);
    ck_assert_int_eq (vmm_control__call (fds[i], NULL, VMM_CONTROL_STATUS, 0, soon (5000), NULL), 0);
  }
  int fd = dial (&b);
  ck_assert_int_eq (vmm_control__call (fd, NULL, VMM_CONTROL_STATUS, 0, soon (300), NULL), KATA_E_TIMEOUT);
  ck_assert (closed_within (fds[0], VMM_CONTROL_IDLE_MS + 2000));
  /* Its first request has been answered by now, and nobody read it. */
  int next = dial (&b);
  ck_assert_int_eq (vmm_control__call (next, NULL, VMM_CONTROL_STATUS, 0, soon (5000), NULL), 0);
  for (int i = 0; i < VMM_CONTROL_CLIENTS_MAX; i++)
    close (fds[i]);
  close (fd);
  close (next);
  bench_close (&b);
}
END_TEST

START_TEST (stranger)
{
  struct bench b;
  bench_open (&b, getuid () + 1);
  int fd = dial (&b);
  int code = vmm_control__call (fd, NULL, VMM_CONTROL_STOP, 0, soon (5000), NULL);
  ck_assert_int_eq (code, KATA_E_VMM);
  close (fd);
  bench_close (&b);
  ck_assert_int_eq (b.stops, 0);
}
END_TEST

START_TEST (nobody_there)
{
  struct bench b;
  bench_open (&b, getuid ());
  int fd = dial (&b);
  char path[96];
  strcpy (path, b.path);
  bench_close (&b);
  ck_assert_int_eq (vmm_control__call (fd, NULL, VMM_CONTROL_STATUS, 0, soon (1000), NULL), KATA_E_VMM);
  close (fd);
  ck_assert_int_eq (vmm_control__connect (&fd, AT_FDCWD, path, soon (1000), NULL), KATA_E_VMM);
  memset (path, 'x', sizeof path);
  path[95] = '\0';
  ck_assert_int_eq (vmm_control__connect (&fd, AT_FDCWD,
                                          "/a/very/long/path/that/is/longer/than/a/hundred/and/seven/bytes/"
                                          "and/so/cannot/be/an/address/of/a/unix/socket",
                                          soon (1000), NULL),
                    KATA_E_LIMIT);
}
END_TEST

START_TEST (start_socket)
{
  int pair[2];
  size_t len;
  static char text[VMM_DESCRIBE_MAX + 1], big[VMM_DESCRIBE_MAX + 2];
  kata_auto_error kata_error *error = NULL, *told = NULL;
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  ck_assert_int_eq (vmm_start__send (pair[0], "kata-vmm=1\n", NULL), 0);
  ck_assert_int_eq (vmm_start__receive (pair[1], text, &len, NULL), 0);
  ck_assert_uint_eq (len, 11);
  vmm_start__answer (pair[1], NULL);
  ck_assert_int_eq (vmm_start__wait (pair[0], soon (1000), NULL), 0);
  kata_error__set (&error, KATA_E_HOST, VMM_LAYER_KEY, "jail, layer %s", "userns");
  vmm_start__answer (pair[1], error);
  ck_assert_int_eq (vmm_start__wait (pair[0], soon (1000), &told), KATA_E_HOST);
  ck_assert_str_eq (kata_error_get_key (told), VMM_LAYER_KEY);
  ck_assert_str_eq (kata_error_get_message (told), "kata-vmm: jail, layer userns");
  ck_assert_int_eq (vmm_start__wait (pair[0], soon (50), NULL), KATA_E_TIMEOUT);
  memset (big, 'x', sizeof big - 1);
  ck_assert_int_eq (vmm_start__send (pair[0], big, NULL), 0);
  ck_assert_int_eq (vmm_start__receive (pair[1], text, &len, NULL), KATA_E_LIMIT);
  ck_assert_int_eq (send (pair[1], "junk", 4, 0), 4);
  ck_assert_int_eq (vmm_start__wait (pair[0], soon (1000), NULL), KATA_E_PROTOCOL);
  close (pair[0]);
  ck_assert_int_eq (vmm_start__receive (pair[1], text, &len, NULL), KATA_E_CANCELLED);
  vmm_start__answer (pair[1], NULL); /* no SIGPIPE */
  close (pair[1]);
}
END_TEST

START_TEST (last_line)
{
  char line[VMM_END_LINE_MAX], text[VMM_END_LINE_MAX], log[4096], longer[1000];
  enum vmm_end end;
  size_t len = vmm_end__line (line, VMM_END_TRIPLE_FAULT, "vCPU 0\nshut down");
  ck_assert_str_eq (line, "kata-vmm ended: triple-fault: vCPU 0 shut down\n");
  ck_assert_uint_eq (len, strlen (line));
  snprintf (log, sizeof log, "blk: x\nkata-vmm ended: reset: older\n%sbehind\n", line);
  ck_assert (vmm_end__find (log, strlen (log), &end, text));
  ck_assert_int_eq (end, VMM_END_TRIPLE_FAULT);
  ck_assert_str_eq (text, "vCPU 0 shut down");
  ck_assert (!vmm_end__find (log, 10, &end, text));
  ck_assert (!vmm_end__find ("kata-vmm ended: reset", 21, &end, text));
  ck_assert (!vmm_end__find ("kata-vmm ended: moon: x\n\n\n", 26, &end, text));
  ck_assert (!vmm_end__find ("", 0, &end, text));
  memset (longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  len = vmm_end__line (line, VMM_END_KVM, longer);
  ck_assert_uint_eq (len, VMM_END_LINE_MAX - 1);
  ck_assert (vmm_end__find (line, len, &end, text));
  ck_assert_int_eq (end, VMM_END_KVM);
  ck_assert_int_eq (vmm_end__of (VMM_EXIT_POWEROFF), VMM_END_POWEROFF);
  ck_assert_int_eq (vmm_end__of (VMM_EXIT_CONFINE), VMM_END_CONFINE);
  ck_assert_int_eq (vmm_end__of (VMM_EXIT_RUNNING), VMM_END_KVM);
  ck_assert_ptr_null (vmm_end__name (1));
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("control");
  Suite *suite = suite_create ("vmm/control");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, verbs);
  tcase_add_test (tc, hostile);
  tcase_add_test (tc, silent);
  tcase_add_test (tc, stranger);
  tcase_add_test (tc, nobody_there);
  tcase_add_test (tc, start_socket);
  tcase_add_test (tc, last_line);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
