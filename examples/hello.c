/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hello: the smallest program that embeds libkata: hello ROOTFS COMMAND [ARGUMENT...] prints what a container said. */
#include <kata/kata.h>
#include <stdio.h>
#include <stdlib.h>

/* Everything that the process writes to one stream. */
static int
copy (kata_process *process, int stream, FILE *out, kata_error **err)
{
  char buffer[65536];
  size_t n = 1;
  int rc = 0;
  while (rc == 0 && n > 0) {
    rc = kata_process_read (process, stream, buffer, sizeof buffer, &n, KATA_TIMEOUT_NONE, err);
    if (rc == 0)
      fwrite (buffer, 1, n, out);
  }
  return rc;
}

int
main (int argc, char **argv)
{
  kata_runtime *runtime = NULL;
  kata_sandbox *sandbox = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  kata_error *err = NULL;
  kata_runtime_options settings = KATA_RUNTIME_OPTIONS_INIT;
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  int status = 125;

  if (argc < 3)
    return fprintf (stderr, "usage: %s ROOTFS COMMAND [ARGUMENT...]\n", argv[0]), 2;
  settings.config_path = getenv ("HELLO_CONFIG"); /* NULL = the search path, and so on */
  settings.state_dir = getenv ("HELLO_STATE_DIR");
  settings.hypervisor = getenv ("HELLO_HYPERVISOR");
  options.rootfs = argv[1];
  options.args = (const char *const *) argv + 2;
  if (kata_runtime_new (&runtime, &settings, &err) < 0 || kata_sandbox_create (&sandbox, runtime, NULL, &err) < 0 ||
      kata_sandbox_start (sandbox, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_container_create (&container, sandbox, &options, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_container_get_process (&process, container, &err) < 0 ||
      kata_container_start (container, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      kata_process_close_stdin (process, KATA_TIMEOUT_DEFAULT, &err) < 0 ||
      copy (process, KATA_STDOUT, stdout, &err) < 0 || copy (process, KATA_STDERR, stderr, &err) < 0 ||
      kata_process_wait (process, &status, KATA_TIMEOUT_NONE, &err) < 0)
    fprintf (stderr, "hello: %s\n", kata_error_get_message (err));
  if (sandbox)
    kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, NULL);
  kata_process_unref (process);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
  kata_error_unref (err);
  return kata_runtime_unref (runtime), status;
}
