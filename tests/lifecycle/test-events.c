/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-events: what a watcher learns: states, exits, a guest that dies; through one handle, another, and another runtime. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "fixture.h"

#define PROMPT_US (15 * G_USEC_PER_SEC) /* "at once", on a busy machine; nobody tells these calls, they have no limit */

static kata_event
next (kata_sandbox *sandbox)
{
  kata_event event = KATA_EVENT_INIT;
  kata_error *error = NULL;
  int r = kata_sandbox_next_event (sandbox, &event, 30000, &error);
  ck_assert_msg (r == 1, "%d %s", r, kata_error_get_message (error));
  return event;
}

static int
readable (int fd, int timeout_ms)
{
  struct pollfd p = { .fd = fd, .events = POLLIN };
  return poll (&p, 1, timeout_ms);
}

START_TEST (states_and_exits)
{
  kata_error *error = NULL;
  kata_event event = KATA_EVENT_INIT;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  int fd = kata_sandbox_get_event_fd (sandbox);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (readable (fd, 0), 0);
  ck_assert_int_eq (kata_sandbox_next_event (sandbox, &event, 0, NULL), 0);
  ck_ok (life_container (&container, sandbox, life, "c1", "exit 9", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_assert_int_eq (readable (fd, 5000), 1);
  event = next (sandbox);
  ck_assert_int_eq (event.type, KATA_EVENT_CONTAINER_EXIT);
  ck_assert_str_eq (event.container_id, "c1");
  ck_assert_int_eq (event.exit_status, 9);
  ck_assert_int_eq (readable (fd, 0), 0);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  event = next (sandbox);
  ck_assert_int_eq (event.type, KATA_EVENT_SANDBOX_STATE);
  ck_assert_int_eq (event.state, KATA_STATE_PAUSED);
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  ck_assert_int_eq (next (sandbox).state, KATA_STATE_RUNNING);
  ck_ok (kata_sandbox_stop (sandbox, 0, &error), error);
  ck_assert_int_eq (next (sandbox).state, KATA_STATE_STOPPED);
  ck_assert_int_eq (readable (fd, 50), 0);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* The watcher need not have looked at a container for its end to be an event; nor is it told of the end of an earlier one of that id. */
START_TEST (short_lives)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  for (int i = 0; i < 50; i++) {
    kata_container *container = NULL;
    kata_process *process = NULL;
    int status = -1;
    g_autofree char *command = g_strdup_printf ("exit %d", i);
    ck_ok (life_container (&container, sandbox, life, i % 2 == 0 ? "c1" : NULL, command, &error), error);
    ck_ok (kata_container_get_process (&process, container, &error), error);
    ck_ok (kata_container_start (container, LIFE_MS, &error), error);
    ck_ok (kata_process_wait (process, &status, LIFE_MS, &error), error);
    ck_assert_int_eq (status, i);
    ck_ok (kata_container_delete (container, 0, LIFE_MS, &error), error);
    kata_process_unref (process);
    kata_container_unref (container);
  }
  for (int i = 0; i < 50; i++) {
    kata_event event = next (sandbox);
    ck_assert_int_eq (event.type, KATA_EVENT_CONTAINER_EXIT);
    ck_assert_int_eq (event.exit_status, i);
  }
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  ck_assert_int_eq (next (sandbox).state, KATA_STATE_STOPPED);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* Watched through one runtime, changed through another. */
START_TEST (from_elsewhere)
{
  kata_error *error = NULL;
  kata_runtime *other = life_runtime (life);
  kata_sandbox *mine = life_sandbox (runtime, "s1"), *theirs = NULL;
  kata_container *container = NULL;
  ck_ok (kata_sandbox_open (&theirs, other, "s1", &error), error);
  ck_assert_int_ge (kata_sandbox_get_event_fd (theirs), 0);
  ck_ok (life_container (&container, mine, life, "c1", "exit 3", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  kata_event event = next (theirs);
  ck_assert_int_eq (event.type, KATA_EVENT_CONTAINER_EXIT);
  ck_assert_int_eq (event.exit_status, 3);
  ck_ok (kata_sandbox_stop (mine, 0, &error), error);
  ck_assert_int_eq (next (theirs).state, KATA_STATE_STOPPED);
  ck_ok (kata_sandbox_delete (theirs, 0, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (mine);
  kata_sandbox_unref (theirs);
  kata_runtime_unref (other);
}
END_TEST

struct reader {
  kata_process *process;
  int result;
  char *message;
};

static gpointer
read_forever (gpointer data)
{
  struct reader *reader = data;
  char buffer[16];
  size_t n;
  kata_error *error = NULL;
  reader->result =
      kata_process_read (reader->process, KATA_STDOUT, buffer, sizeof buffer, &n, KATA_TIMEOUT_NONE, &error);
  reader->message = g_strdup (kata_error_get_message (error));
  kata_error_unref (error);
  return NULL;
}

static gpointer
wait_forever (gpointer data)
{
  struct reader *reader = data;
  int status;
  kata_error *error = NULL;
  reader->result = kata_process_wait (reader->process, &status, KATA_TIMEOUT_NONE, &error);
  reader->message = g_strdup (kata_error_get_message (error));
  kata_error_unref (error);
  return NULL;
}

/* The guest dies by itself: the null guest is told to through its own socket. */
static void
kill_guest (const char *id)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = g_build_filename (life->state_dir, id, "null-control.sock", NULL);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char answer;
  ck_assert_msg (connect (fd, (struct sockaddr *) &address, sizeof address) == 0, "%s: %s", path, g_strerror (errno));
  ck_assert_int_eq (write (fd, "stop\n", 5), 5);
  while (read (fd, &answer, 1) > 0)
    ;
  close (fd);
}

START_TEST (guest_dies)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  struct reader reader = { 0 }, waiter = { 0 };
  ck_ok (life_container (&container, sandbox, life, "c1", "sleep 100", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&reader.process, container, &error), error);
  waiter.process = reader.process;
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  GThread *threads[] = { g_thread_new ("read", read_forever, &reader), g_thread_new ("wait", wait_forever, &waiter) };
  g_usleep (100000);
  int64_t begin = g_get_monotonic_time ();
  kill_guest ("s1");
  /* A null guest ends its containers before itself; the agent may still tell so. */
  kata_event event = next (sandbox);
  if (event.type == KATA_EVENT_CONTAINER_EXIT)
    event = next (sandbox);
  ck_assert_int_eq (event.type, KATA_EVENT_SANDBOX_STATE);
  ck_assert_int_eq (event.state, KATA_STATE_STOPPED);
  ck_assert_int_lt (g_get_monotonic_time () - begin, PROMPT_US);
  g_thread_join (threads[0]);
  g_thread_join (threads[1]);
  ck_assert_int_lt (g_get_monotonic_time () - begin, 2 * PROMPT_US);
  ck_assert_msg (reader.result == KATA_E_VMM || reader.result == 0, "%d %s", reader.result, reader.message);
  ck_assert_msg (waiter.result == KATA_E_VMM || waiter.result == 0, "%d %s", waiter.result, waiter.message);
  size_t n;
  char byte;
  ck_assert_int_eq (kata_process_read (reader.process, KATA_STDERR, &byte, 1, &n, LIFE_MS, NULL), KATA_E_VMM);
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_STOPPED);
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_STOPPED);
  ck_assert_int_eq (kata_container_kill (container, 9, 0, LIFE_MS, NULL), KATA_E_STATE);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  g_free (reader.message);
  g_free (waiter.message);
  kata_process_unref (reader.process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* A full disk, or whatever keeps the state from being written: the exit status is not forgotten over it. */
START_TEST (written_down_later)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  g_autofree char *state = g_build_filename (life->state_dir, "s1", "state.json", NULL);
  g_autofree char *in_the_way = g_strconcat (state, ".tmp", NULL);
  bool written = false;
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  ck_ok (life_container (&container, sandbox, life, "c1", "sleep 100", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_assert_int_eq (g_mkdir (in_the_way, 0700), 0);
  ck_ok (kata_container_kill (container, 9, 0, LIFE_MS, &error), error);
  ck_assert_int_eq (next (sandbox).type, KATA_EVENT_CONTAINER_EXIT);
  g_usleep (1500000); /* it has been tried meanwhile */
  ck_assert_int_eq (g_rmdir (in_the_way), 0);
  for (int i = 0; i < 3000 && !written; i++) {
    g_autofree char *text = NULL;
    g_usleep (20000);
    ck_assert (g_file_get_contents (state, &text, NULL, NULL));
    written = strstr (text, "\"exit_status\":137") != NULL;
  }
  ck_assert_msg (written, "the exit status was never written down");
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* An agent that tells of an end of memory without pause keeps neither the thread nor the queue busy, nor other events out of it. */
START_TEST (out_of_memory_without_pause)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  fixture_configure ("kernel_params = \"null.agent=out-of-memory\"\n");
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  int64_t begin = g_get_monotonic_time (), seconds = 0;
  unsigned n = 0;
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  ck_ok (life_container (&container, sandbox, life, "c1", "sleep 100", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  for (; seconds < 3; seconds = (g_get_monotonic_time () - begin) / G_USEC_PER_SEC) {
    ck_assert_int_eq (next (sandbox).type, KATA_EVENT_OOM);
    n++;
  }
  ck_assert_msg (n <= 32 * (seconds + 2), "%u events in %d s", n, (int) seconds);
  ck_ok (kata_container_kill (container, 9, 0, LIFE_MS, &error), error);
  while (next (sandbox).type != KATA_EVENT_CONTAINER_EXIT)
    ;
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "events", 180, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, states_and_exits);
  tcase_add_test (tcase, short_lives);
  tcase_add_test (tcase, from_elsewhere);
  tcase_add_test (tcase, guest_dies);
  tcase_add_test (tcase, written_down_later);
  tcase_add_test (tcase, out_of_memory_without_pause);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
