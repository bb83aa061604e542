/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-pod: three containers in one virtual machine, through the public interface; each keeps to itself. Arguments: HYPERVISOR CONFIG. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

#include "fixture.h"

#define BOX_MIB(i) ((uint64_t) (32 + 16 * (i)))

/* One container: its own root file system, with its name in a file, and its own memory limit. */
struct box {
  int number;
  kata_container *container;
  kata_process *process;
};

/* The first says when it ends, the second is asked to, the third is killed. */
static const char *const scripts[] = {
  "read word; echo got $word; exit 11",
  "trap 'echo asked; exit 22' TERM; while :; do sleep 0.1; done",
  "sleep 1000",
};

static char *
root_of (int number)
{
  g_autofree char *name = g_strdup_printf ("root%d", number);
  return g_build_filename (life->dir, name, NULL);
}

static void
make_roots (void)
{
  for (int i = 0; i < 3; i++) {
    g_autofree char *root = root_of (i);
    g_autofree char *file = g_build_filename (root, "name", NULL);
    g_autofree char *text = g_strdup_printf ("root %d\n", i);
    ck_assert_int_eq (g_mkdir (root, 0755), 0);
    life_busybox (root);
    ck_assert (g_file_set_contents (file, text, -1, NULL));
  }
}

static void
box_create (struct box *box, kata_sandbox *sandbox, int number, const char *script)
{
  g_autofree char *id = g_strdup_printf ("box%d", number);
  g_autofree char *root = root_of (number);
  g_autofree char *command =
      g_strdup_printf ("echo out%d $(cat /name) $(hostname) $$; echo err%d >&2; %s", number, number, script);
  const char *const args[] = { "sh", "-c", command, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  kata_error *error = NULL;
  *box = (struct box){ .number = number };
  options.id = id;
  options.rootfs = root;
  options.args = args;
  options.memory_bytes = BOX_MIB (number) << 20;
  ck_ok (kata_container_create (&box->container, sandbox, &options, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&box->process, box->container, &error), error);
}

static void
box_delete (struct box *box, uint32_t flags)
{
  kata_error *error = NULL;
  ck_ok (kata_container_delete (box->container, flags, LIFE_MS, &error), error);
  ck_assert_int_eq (kata_container_get_state (box->container), KATA_E_NOT_FOUND);
  kata_process_unref (box->process);
  kata_container_unref (box->container);
  *box = (struct box){ 0 };
}

/* Reads until as much has come as is expected: it may come in pieces. */
static void
box_says (kata_process *process, int stream, const char *wanted)
{
  char buffer[256] = "";
  kata_error *error = NULL;
  for (size_t have = 0, n = 1; n > 0 && have < strlen (wanted) && memcmp (buffer, wanted, have) == 0; have += n)
    ck_ok (kata_process_read (process, stream, buffer + have, sizeof buffer - 1 - have, &n, LIFE_MS, &error), error);
  ck_assert_str_eq (buffer, wanted);
}

static void
box_greets (const struct box *box)
{
  /* The shell is the first process of its own namespace, on its own root; the host name is the sandbox's, as Kata has it. */
  g_autofree char *out = g_strdup_printf ("out%d root %d pod 1\n", box->number, box->number);
  g_autofree char *err = g_strdup_printf ("err%d\n", box->number);
  box_says (box->process, KATA_STDOUT, out);
  box_says (box->process, KATA_STDERR, err);
}

static void
box_ends (const struct box *box, int wanted)
{
  kata_error *error = NULL;
  int status = -1;
  ck_ok (kata_process_wait (box->process, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, wanted);
  ck_assert_int_eq (kata_container_get_state (box->container), KATA_STATE_STOPPED);
}

/* Running, its first process not ended, and another process can be started in it, which finds the same place and no other container's. */
static void
box_lives (const struct box *box)
{
  const char *const args[] = { "sh", "-c", "cat /name; hostname; ls /proc/1/root/bin/busybox; exit 5", NULL };
  g_autofree char *out = g_strdup_printf ("root %d\npod\n/proc/1/root/bin/busybox\n", box->number);
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_process *exec = NULL;
  kata_error *error = NULL;
  int status = -1;
  options.args = args;
  ck_assert_int_eq (kata_container_get_state (box->container), KATA_STATE_RUNNING);
  ck_assert_int_eq (kata_process_wait (box->process, &status, 0, NULL), KATA_E_TIMEOUT);
  ck_ok (kata_container_exec (&exec, box->container, &options, LIFE_MS, &error), error);
  box_says (exec, KATA_STDOUT, out);
  ck_ok (kata_process_wait (exec, &status, LIFE_MS, &error), error);
  ck_assert_int_eq (status, 5);
  kata_process_unref (exec);
}

static void
box_measures (const struct box *box)
{
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  kata_error *error = NULL;
  ck_ok (kata_container_stats_get (box->container, &stats, LIFE_MS, &error), error);
  printf ("box%d: %.1f ms of CPU, %.1f of %.0f MiB, %u processes\n", box->number, (double) stats.cpu_total_ns / 1e6,
          (double) stats.memory_bytes / (1 << 20), (double) stats.memory_limit_bytes / (1 << 20),
          (unsigned) stats.pids);
  ck_assert_uint_eq (stats.memory_limit_bytes, BOX_MIB (box->number) << 20);
  ck_assert_uint_gt (stats.memory_bytes, 0);
  ck_assert_uint_lt (stats.memory_bytes, stats.memory_limit_bytes);
  ck_assert_uint_gt (stats.cpu_total_ns, 0);
  ck_assert_uint_ge (stats.pids, 1);
  ck_assert_uint_le (stats.pids, 2);
}

static void
expect_ids (kata_sandbox *sandbox, const char *wanted)
{
  kata_error *error = NULL;
  char **ids = NULL;
  ck_ok (kata_sandbox_list_containers (&ids, sandbox, &error), error);
  g_autofree char *joined = g_strjoinv (" ", ids);
  ck_assert_str_eq (joined, wanted);
  kata_strv_free (ids);
}

/* The end of one of them is told with its name and its number. */
static void
expect_event (kata_sandbox *sandbox, const char *id, int status)
{
  kata_event event = KATA_EVENT_INIT;
  kata_error *error = NULL;
  int r = kata_sandbox_next_event (sandbox, &event, LIFE_MS, &error);
  ck_assert_msg (r == 1, "%d %s", r, kata_error_get_message (error));
  ck_assert_int_eq (event.type, KATA_EVENT_CONTAINER_EXIT);
  ck_assert_str_eq (event.container_id, id);
  ck_assert_int_eq (event.exit_status, status);
}

/* The third is killed and deleted, the others go on; its name is free for another. */
static void
kill_one (kata_sandbox *sandbox, struct box *boxes)
{
  kata_error *error = NULL;
  ck_ok (kata_container_kill (boxes[2].container, SIGKILL, KATA_KILL_ALL, LIFE_MS, &error), error);
  box_ends (&boxes[2], 128 + SIGKILL);
  expect_event (sandbox, "box2", 128 + SIGKILL);
  box_lives (&boxes[0]);
  box_lives (&boxes[1]);
  box_delete (&boxes[2], 0);
  expect_ids (sandbox, "box0 box1");
  box_create (&boxes[2], sandbox, 2, "exit 33");
  ck_ok (kata_container_start (boxes[2].container, LIFE_MS, &error), error);
  box_greets (&boxes[2]);
  box_ends (&boxes[2], 33);
  expect_event (sandbox, "box2", 33);
  box_lives (&boxes[1]);
}

static void
end_others (kata_sandbox *sandbox, struct box *boxes)
{
  kata_error *error = NULL;
  ck_ok (kata_process_write (boxes[0].process, "bye\n", 4, NULL, LIFE_MS, &error), error);
  box_says (boxes[0].process, KATA_STDOUT, "got bye\n");
  box_ends (&boxes[0], 11);
  expect_event (sandbox, "box0", 11);
  ck_ok (kata_container_kill (boxes[1].container, SIGTERM, 0, LIFE_MS, &error), error);
  box_says (boxes[1].process, KATA_STDOUT, "asked\n");
  box_ends (&boxes[1], 22);
  expect_event (sandbox, "box1", 22);
}

START_TEST (three_containers)
{
  kata_error *error = NULL;
  struct box boxes[3];
  make_roots ();
  kata_sandbox *sandbox = life_sandbox (runtime, "pod");
  ck_assert_int_ge (kata_sandbox_get_event_fd (sandbox), 0);
  for (int i = 0; i < 3; i++)
    box_create (&boxes[i], sandbox, i, scripts[i]);
  expect_ids (sandbox, "box0 box1 box2");
  for (int i = 2; i >= 0; i--)
    ck_ok (kata_container_start (boxes[i].container, LIFE_MS, &error), error);
  for (int i = 0; i < 3; i++)
    box_greets (&boxes[i]);
  box_lives (&boxes[1]);
  for (int i = 0; i < 3; i++)
    box_measures (&boxes[i]);
  kill_one (sandbox, boxes);
  end_others (sandbox, boxes);
  box_delete (&boxes[1], 0);
  box_delete (&boxes[2], 0);
  expect_ids (sandbox, "box0");
  box_delete (&boxes[0], 0);
  expect_ids (sandbox, "");
  ck_ok (kata_sandbox_stop (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_delete (sandbox, 0, &error), error);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* Whoever deletes the sandbox by force need not have ended anything. */
START_TEST (deleted_while_they_run)
{
  kata_error *error = NULL;
  struct box boxes[3];
  make_roots ();
  kata_sandbox *sandbox = life_sandbox (runtime, "pod");
  for (int i = 0; i < 3; i++) {
    box_create (&boxes[i], sandbox, i, "sleep 1000");
    ck_ok (kata_container_start (boxes[i].container, LIFE_MS, &error), error);
  }
  for (int i = 0; i < 3; i++)
    box_greets (&boxes[i]);
  box_delete (&boxes[1], KATA_DELETE_FORCE);
  box_lives (&boxes[2]);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  for (int i = 0; i < 3; i += 2) {
    ck_assert_int_eq (kata_container_get_state (boxes[i].container), KATA_E_NOT_FOUND);
    kata_process_unref (boxes[i].process);
    kata_container_unref (boxes[i].container);
  }
  kata_sandbox_unref (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "pod", 300, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, three_containers);
  tcase_add_test (tcase, deleted_while_they_run);
  return suite;
}

int
main (int argc, char **argv)
{
  g_autofree char *why = argc == 3 ? life_over (argv[1], argv[2]) : g_strdup ("arguments: HYPERVISOR CONFIG");
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return 77;
  }
  return bed_run (make);
}
