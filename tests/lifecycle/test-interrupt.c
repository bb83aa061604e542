/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-interrupt: calls that wait for a process are ended by their handle's owner, and lose nothing. */
#include <string.h>

#include "fixture.h"

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

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "interrupt", 60, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, read_wait_write);
  tcase_add_test (tcase, only_this_handle);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
