/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-interrupt: calls that wait for a process are ended by their handle's owner, and lose nothing; calls that fail tell and leave nothing. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "fixture.h"
#include "sandbox/sandbox.h"

/* One blocked call on a thread of its own. */
struct blocked {
  kata_process *process;
  enum { READING, WAITING, WRITING } what;
  gint returned; /* atomic */
  int result;
};

static gpointer
block (gpointer data)
{
  struct blocked *b = data;
  static const char plenty[1 << 20];
  char byte;
  size_t n = 0;
  int status;
  if (b->what == READING)
    b->result = kata_process_read (b->process, KATA_STDOUT, &byte, 1, &n, KATA_TIMEOUT_NONE, NULL);
  else if (b->what == WAITING)
    b->result = kata_process_wait (b->process, &status, KATA_TIMEOUT_NONE, NULL);
  else
    for (b->result = 0; b->result == 0;) /* until nobody takes more */
      b->result = kata_process_write (b->process, plenty, sizeof plenty, &n, KATA_TIMEOUT_NONE, NULL);
  g_atomic_int_set (&b->returned, 1);
  return NULL;
}

/* The contract: repeat it until the call has returned. */
static void
end (struct blocked *b, kata_process *through)
{
  static const uint32_t calls[] = { KATA_CALL_READ, KATA_CALL_WAIT, KATA_CALL_WRITE };
  GThread *thread = g_thread_new ("blocked", block, b);
  g_usleep (20000); /* most times it waits by now; if not, that is tested too */
  while (g_atomic_int_get (&b->returned) == 0) {
    ck_assert_int_eq (kata_process_interrupt (through, calls[b->what], NULL), 0);
    g_usleep (1000);
  }
  g_thread_join (thread);
  ck_assert_int_eq (b->result, KATA_E_CANCELLED);
}

static kata_process *
execute (kata_container *container, const char *program)
{
  const char *const args[] = { "sh", "-c", program, NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_process *process = NULL;
  kata_error *error = NULL;
  options.args = args;
  ck_ok (kata_container_exec (&process, container, &options, LIFE_MS, &error), error);
  return process;
}

START_TEST (read_wait_write)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  ck_ok (life_container (&container, sandbox, life, NULL, "sleep 1000", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  kata_process *cat = execute (container, "cat"), *deaf = execute (container, "sleep 1000");
  struct blocked read = { cat, READING }, wait = { cat, WAITING }, write = { deaf, WRITING };
  end (&read, cat);
  end (&wait, cat);
  end (&write, deaf);
  /* Both go on as if nothing had been. */
  char buffer[16];
  size_t n = 0;
  int status = -1;
  ck_ok (kata_process_write (cat, "hello", 5, NULL, LIFE_MS, &error), error);
  ck_ok (kata_process_read (cat, KATA_STDOUT, buffer, sizeof buffer, &n, LIFE_MS, &error), error);
  ck_assert_uint_eq (n, 1); /* what the interrupted call has asked for */
  ck_ok (kata_process_read (cat, KATA_STDOUT, buffer + 1, sizeof buffer - 1, &n, LIFE_MS, &error), error);
  ck_assert (n == 4 && memcmp (buffer, "hello", 5) == 0);
  ck_ok (kata_process_close_stdin (cat, LIFE_MS, &error), error);
  ck_ok (kata_process_wait (cat, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 0);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_process_unref (cat);
  kata_process_unref (deaf);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* Another handle to the same process is another caller. */
START_TEST (only_this_handle)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  kata_process *mine = NULL, *theirs = NULL;
  ck_ok (life_container (&container, sandbox, life, NULL, "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&mine, container, &error), error);
  ck_ok (kata_container_get_process (&theirs, container, &error), error);
  struct blocked wait = { mine, WAITING }, read = { mine, READING }, other = { theirs, WAITING };
  GThread *thread = g_thread_new ("other", block, &other), *reader = g_thread_new ("reader", block, &read);
  end (&wait, mine);
  ck_assert_int_eq (g_atomic_int_get (&other.returned), 0);
  ck_assert_int_eq (g_atomic_int_get (&read.returned), 0); /* another kind of call on the same handle */
  ck_assert_int_eq (kata_process_interrupt (NULL, 0, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_process_interrupt (mine, 8, NULL), KATA_E_INVALID);
  ck_ok (kata_process_close_stdin (mine, LIFE_MS, &error), error);
  g_thread_join (thread);
  g_thread_join (reader);
  ck_assert_int_eq (other.result, 0);
  ck_assert_int_eq (read.result, 0);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_process_unref (mine);
  kata_process_unref (theirs);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

START_TEST (nothing_told_in_vain)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  kata_process *process = NULL;
  int status = 4711;
  ck_ok (life_container (&container, sandbox, life, NULL, "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  ck_assert_int_eq (kata_process_wait (process, &status, 1, NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (status, 4711);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  ck_assert_int_eq (kata_process_wait (process, &status, LIFE_MS, NULL), KATA_E_NOT_FOUND);
  ck_assert_int_eq (status, 4711);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

static void
on_alarm (int number)
{
}

/* Whether a machine has ended is asked for a while; a signal that the embedder gets meanwhile is no answer. */
START_TEST (signals_meanwhile)
{
  const struct sigaction action = { .sa_handler = on_alarm };
  const struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { 0 };
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_machine) machine = NULL;
  ck_ok (kata_sandbox__load (&state, sandbox, &error), error);
  ck_ok (kata_sandbox__machine (&machine, sandbox, state, &error), error);
  ck_assert_int_eq (sigaction (SIGALRM, &action, NULL), 0);
  ck_assert_int_eq (setitimer (ITIMER_REAL, &often, NULL), 0);
  int64_t begin = g_get_monotonic_time ();
  ck_assert (!kata_machine__ended (machine, 300));
  ck_assert_int_ge (g_get_monotonic_time () - begin, 300000);
  ck_assert_int_eq (setitimer (ITIMER_REAL, &never, NULL), 0);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

static int
full_disk (void *armed, const char *name)
{
  return *(const bool *) armed && strcmp (name, "state:before") == 0 ? KATA_E_IO : 0;
}

static void
echo (kata_process *process)
{
  kata_error *error = NULL;
  char buffer[2];
  size_t n = 0;
  ck_ok (kata_process_write (process, "x", 1, NULL, LIFE_MS / 6, &error), error);
  ck_ok (kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer, &n, LIFE_MS / 6, &error), error);
  ck_assert_uint_eq (n, 1);
}

/* What cannot be written down is not so: a container that nobody knows to be paused could not be resumed. */
START_TEST (pause_not_written_down)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s1");
  kata_container *container = NULL;
  kata_process *process = NULL;
  bool armed = false;
  ck_ok (life_container (&container, sandbox, life, NULL, "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  runtime->fault = (struct kata_fault){ full_disk, &armed };
  armed = true;
  ck_assert_int_eq (kata_container_pause (container, LIFE_MS, NULL), KATA_E_IO);
  armed = false;
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_RUNNING);
  echo (process);
  ck_ok (kata_container_pause (container, LIFE_MS, &error), error);
  armed = true;
  ck_assert_int_eq (kata_container_resume (container, LIFE_MS, NULL), KATA_E_IO);
  armed = false;
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_PAUSED);
  ck_ok (kata_container_resume (container, LIFE_MS, &error), error);
  echo (process);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "interrupt", 60, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, read_wait_write);
  tcase_add_test (tcase, only_this_handle);
  tcase_add_test (tcase, nothing_told_in_vain);
  tcase_add_test (tcase, signals_meanwhile);
  tcase_add_test (tcase, pause_not_written_down);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
