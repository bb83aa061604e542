/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program: what a program of the first release does: each struct with the size it had then. Arguments: STATE_DIR ROOTFS. Never edited. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kata/kata.h>
#include <kata/sys/backend.h>

#define MS 60000

static kata_error *err;

/* Ends the program when a call did not give what it gave then. */
static void
expect (int ok, const char *what)
{
  if (ok)
    return;
  fprintf (stderr, "%s: %s\n", what, err != NULL ? kata_error_get_message (err) : "not as it was");
  exit (1);
}

static void
on_log (void *user_data, int level, const char *message)
{
  int *lines = user_data;
  ++*lines;
  (void) level;
  (void) message;
}

/* The library must leave alone what lies behind the struct that this program knows. */
static void
look (kata_container *container)
{
  struct {
    kata_container_stats stats;
    unsigned char behind[32];
  } room = { KATA_CONTAINER_STATS_INIT, { 0 } };
  memset (room.behind, 0x5a, sizeof room.behind);
  expect (kata_container_stats_get (container, &room.stats, MS, &err) == 0, "stats");
  expect (room.stats.size == sizeof room.stats && room.stats.pids > 0, "stats' fields");
  for (size_t i = 0; i < sizeof room.behind; i++)
    expect (room.behind[i] == 0x5a, "behind the stats");
}

static void
run (kata_container *container)
{
  const char *const args[] = { "sh", "-c", "cat; exit 3", NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  kata_process *process = NULL;
  char buffer[32] = "";
  size_t n = 0;
  int status = -1;
  options.args = args;
  expect (kata_container_exec (&process, container, &options, MS, &err) == 0, "exec");
  expect (kata_process_write (process, "then", 4, &n, MS, &err) == 0 && n == 4, "write");
  expect (kata_process_close_stdin (process, MS, &err) == 0, "close_stdin");
  expect (kata_process_read (process, KATA_STDOUT, buffer, sizeof buffer, &n, MS, &err) == 0, "read");
  expect (n == 4 && memcmp (buffer, "then", 4) == 0, "what was read");
  expect (kata_process_wait (process, &status, MS, &err) == 0 && status == 3, "wait");
  kata_process_unrefp (&process);
  expect (process == NULL, "unrefp");
}

/* The end of a container as an event, in a struct with something behind it. */
static void
end (kata_sandbox *sandbox, kata_container *container)
{
  struct {
    kata_event event;
    unsigned char behind[32];
  } room = { KATA_EVENT_INIT, { 0 } };
  expect (kata_container_kill (container, 9, KATA_KILL_ALL, MS, &err) == 0, "kill");
  expect (kata_sandbox_next_event (sandbox, &room.event, MS, &err) == 1, "event");
  expect (room.event.type == KATA_EVENT_CONTAINER_EXIT && room.event.exit_status == 137, "the event's fields");
  expect (strcmp (room.event.container_id, "c") == 0, "the event's container");
  for (size_t i = 0; i < sizeof room.behind; i++)
    expect (room.behind[i] == 0, "behind the event");
}

static void
live (kata_runtime *runtime, const char *rootfs)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_container_options what = KATA_CONTAINER_OPTIONS_INIT;
  const char *const args[] = { "sleep", "1000", NULL };
  kata_volume volume = { sizeof (kata_volume), rootfs, "/mnt", KATA_VOLUME_READONLY };
  const kata_volume *const volumes[] = { &volume, NULL };
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  char **ids = NULL;
  options.id = "old";
  options.network = "none"; /* the last field there was */
  what.id = "c";
  what.rootfs = rootfs;
  what.args = args;
  what.volumes = volumes;
  what.columns = 80; /* the last field there was */
  expect (kata_sandbox_create (&sandbox, runtime, &options, &err) == 0, "create");
  expect (kata_sandbox_start (sandbox, MS, &err) == 0, "start");
  expect (kata_sandbox_get_event_fd (sandbox) >= 0, "event fd");
  expect (kata_container_create (&container, sandbox, &what, MS, &err) == 0, "container");
  expect (kata_container_start (container, MS, &err) == 0, "container's start");
  expect (kata_container_get_state (container) == KATA_STATE_RUNNING, "state");
  expect (kata_sandbox_list_containers (&ids, sandbox, &err) == 0 && strcmp (ids[0], "c") == 0, "list");
  kata_strv_free (ids);
  look (container);
  run (container);
  end (sandbox, container);
  expect (kata_container_delete (container, 0, MS, &err) == 0, "container's delete");
  expect (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &err) == 0, "delete");
  expect (kata_sandbox_start (sandbox, 0, &err) == KATA_E_NOT_FOUND && kata_error_get_code (err) == -5,
          "start after delete");
  expect (strcmp (kata_error_code_name (-5), "not-found") == 0, "the code's name");
  kata_error_unrefp (&err);
  container = kata_container_unref (container);
  sandbox = kata_sandbox_unref (sandbox);
}

static int
no_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **error)
{
  (void) error;
  return plan->size == 0 || caps->size == 0;
}

/* A backend's table of then: refused for the verb that it lacks, not for its size or number. */
static void
offer (kata_runtime *runtime)
{
  static kata_backend backend = { sizeof (kata_backend), KATA_BACKEND_ABI, "old" };
  backend.probe = no_probe;
  expect (kata_runtime_add_backend (runtime, &backend, &err) == KATA_E_INVALID, "add_backend");
  expect (strcmp (kata_error_get_key (err), "launch") == 0, "what the backend lacks");
  kata_error_unrefp (&err);
}

int
main (int argc, char **argv)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime *runtime = NULL;
  kata_placement placement = KATA_PLACEMENT_INIT;
  int lines = 0;
  if (argc != 3)
    return 2;
  options.state_dir = argv[1];
  options.hypervisor = "null"; /* the last field there was */
  options.log = on_log;
  options.log_data = &lines;
  options.log_level = KATA_LOG_DEBUG;
  expect (kata_runtime_new (&runtime, &options, &err) == 0, "runtime");
  expect (strcmp (kata_runtime_get_state_dir (runtime), argv[1]) == 0, "state_dir");
  expect (kata_placement_read (&placement, "{\"ociVersion\":\"1.0.0\"}", "c", &err) == 0, "placement");
  expect (placement.role == KATA_PLACEMENT_SINGLE, "the placement's role");
  offer (runtime);
  live (runtime, argv[2]);
  runtime = kata_runtime_unref (runtime);
  expect (lines >= 0, "log");
  printf ("as it was, with libkata %s\n", kata_version ());
  return 0;
}
