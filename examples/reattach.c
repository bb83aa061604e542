/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reattach: a program that is killed while its container runs, and its successor that goes on where it was: reattach ROOTFS. The virtual machine
   is a process of its own and does not notice. */
#include <kata/kata.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID "survivor"

static int
open_runtime (kata_runtime **out, kata_error **err)
{
  kata_runtime_options settings = KATA_RUNTIME_OPTIONS_INIT;
  settings.config_path = getenv ("EXAMPLE_CONFIG"); /* NULL = the search path, and so on */
  settings.state_dir = getenv ("EXAMPLE_STATE_DIR");
  settings.hypervisor = getenv ("EXAMPLE_HYPERVISOR");
  return kata_runtime_new (out, &settings, err);
}

/* Reads one line that the process writes. */
static int
read_line (kata_process *process, char *line, size_t size, kata_error **err)
{
  size_t have = 0, n = 1;
  int rc = 0;
  while (rc == 0 && n > 0 && have + 1 < size && (have == 0 || line[have - 1] != '\n')) {
    rc = kata_process_read (process, KATA_STDOUT, line + have, size - have - 1, &n, KATA_TIMEOUT_NONE, err);
    have += rc == 0 ? n : 0;
  }
  line[have] = '\0';
  return rc;
}

/* The first life: starts a container that repeats what it is told, hears its first line, and dies without a word to anybody. */
static int
first_life (const char *rootfs)
{
  const char *args[] = { "sh", "-c", "cat; exit 7", NULL };
  kata_runtime *runtime = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_error *err = NULL;
  kata_sandbox_options where = KATA_SANDBOX_OPTIONS_INIT;
  kata_container_options what = KATA_CONTAINER_OPTIONS_INIT;
  char line[64];
  where.id = ID;
  what.rootfs = rootfs;
  what.args = args;
  if (open_runtime (&runtime, &err) < 0 || kata_sandbox_create (&sandbox, runtime, &where, &err) < 0 ||
      kata_sandbox_start (sandbox, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_container_create (&container, sandbox, &what, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_container_get_process (&process, container, &err) < 0 ||
      kata_container_start (container, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_process_write (process, "ready\n", 6, NULL, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      read_line (process, line, sizeof line, &err) < 0)
    return fprintf (stderr, "first life: %s\n", kata_error_get_message (err)), 1;
  printf ("first life: the container says: %s", line);
  fflush (stdout);
  raise (SIGKILL); /* nothing is released, nothing is told */
  return 1;
}

/* Goes on with the container of a machine that runs. */
static int
talk (kata_sandbox *sandbox, kata_error **err)
{
  kata_container *container = NULL;
  kata_process *process = NULL;
  char line[64] = "";
  int rc, status = 1;
  rc = kata_container_open (&container, sandbox, NULL, err);
  if (rc == 0)
    rc = kata_container_get_process (&process, container, err);
  if (rc == 0)
    rc = kata_process_write (process, "again\n", 6, NULL, KATA_TIMEOUT_DEFAULT, err);
  if (rc == 0)
    rc = read_line (process, line, sizeof line, err);
  if (rc == 0)
    rc = kata_process_close_stdin (process, KATA_TIMEOUT_DEFAULT, err);
  if (rc == 0)
    rc = kata_process_wait (process, &status, KATA_TIMEOUT_NONE, err);
  if (rc == 0)
    printf ("second life: the container ended with %d and says: %s", status, line);
  kata_process_unref (process);
  kata_container_unref (container);
  return rc;
}

static int
second_life (void)
{
  kata_runtime *runtime = NULL;
  kata_sandbox *sandbox = NULL;
  kata_error *err = NULL;
  int rc = open_runtime (&runtime, &err);
  if (rc == 0)
    rc = kata_sandbox_open (&sandbox, runtime, ID, &err);
  if (rc == 0 && kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING)
    rc = talk (sandbox, &err);
  else if (
      rc ==
      0) /* the null backend's machine is a thread of its creator's, and so is the microVMM's with isolation = "thread" */
    printf ("second life: the machine ended with its creator; only its traces are left\n");
  if (rc == 0) /* either way, every trace is removed */
    rc = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &err);
  if (rc < 0)
    fprintf (stderr, "second life: %s\n", kata_error_get_message (err));
  kata_sandbox_unref (sandbox);
  kata_error_unref (err);
  kata_runtime_unref (runtime);
  return rc == 0 ? 0 : 1;
}

int
main (int argc, char **argv)
{
  int status = 0;
  if (argc != 2)
    return fprintf (stderr, "usage: %s ROOTFS\n", argv[0]), 2;
  pid_t pid = fork (); /* before there is any handle */
  if (pid == 0)
    _exit (first_life (argv[1]));
  if (pid < 0 || waitpid (pid, &status, 0) < 0 || !WIFSIGNALED (status))
    return fprintf (stderr, "the first life did not end as it should\n"), 1;
  return second_life ();
}
