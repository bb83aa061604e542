/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* life: the steps. */
#include "life.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/fd.h"
#include "host/tree.h"

#include <fcntl.h>

void
life_isolate (void)
{
  ck_assert_int_eq (unshare (CLONE_NEWNS), 0);
  ck_assert_int_eq (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}

struct life *
life_new (void)
{
  struct life *life = g_new0 (struct life, 1);
  life->dir = g_dir_make_tmp ("kata-life-XXXXXX", NULL);
  life->state_dir = g_build_filename (life->dir, "state", NULL);
  life->rootfs = g_build_filename (life->dir, "rootfs", NULL);
  life->config = g_build_filename (life->dir, "configuration.toml", NULL);
  g_autofree char *precious = g_build_filename (life->rootfs, "precious", NULL);
  ck_assert_int_eq (g_mkdir (life->rootfs, 0755), 0);
  ck_assert (g_file_set_contents (precious, "do not delete", -1, NULL));
  ck_assert (g_file_set_contents (life->config, "[hypervisor.null]\n", -1, NULL));
  return life;
}

void
life_free (struct life *life)
{
  g_autofree char *precious = g_build_filename (life->rootfs, "precious", NULL);
  ck_assert_msg (g_access (precious, F_OK) == 0, "the user's root file system was emptied");
  kata_auto_fd int fd = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (kata_error) error = NULL;
  ck_ok (kata_tree__remove (fd, life->dir + 1, &error), error);
  g_free (life->dir);
  g_free (life->state_dir);
  g_free (life->rootfs);
  g_free (life->config);
  g_free (life);
}

static void
print_line (void *data, int level, const char *message)
{
  if (g_getenv ("KATA_DEBUG") != NULL)
    fprintf (stderr, "log %d: %s\n", level, message);
}

kata_runtime *
life_runtime (struct life *life)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime *runtime = NULL;
  kata_error *error = NULL;
  options.config_path = life->config;
  options.state_dir = life->state_dir;
  options.hypervisor = "null";
  options.log = print_line;
  options.log_level = KATA_LOG_DEBUG;
  ck_ok (kata_runtime_new (&runtime, &options, &error), error);
  return runtime;
}

kata_sandbox *
life_sandbox (kata_runtime *runtime, const char *id)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  options.id = id;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  return sandbox;
}

int
life_container (kata_container **out, kata_sandbox *sandbox, struct life *life, const char *id, const char *command,
                kata_error **err)
{
  const char *const args[] = { "sh", "-c", command, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = id;
  options.rootfs = life->rootfs;
  options.args = args;
  return kata_container_create (out, sandbox, &options, LIFE_MS, err);
}

GString *
life_read_all (kata_process *process, int stream)
{
  GString *all = g_string_new (NULL);
  static _Thread_local char buffer[65536];
  size_t n = 0;
  kata_error *error = NULL;
  do {
    ck_ok (kata_process_read (process, stream, buffer, sizeof buffer, &n, LIFE_MS, &error), error);
    g_string_append_len (all, buffer, (gssize) n);
  } while (n != 0);
  return all;
}

struct handles {
  kata_sandbox *sandbox;
  kata_container *container;
  kata_process *process, *exec;
};

static int
run_container (struct life *life, struct handles *h, kata_error **err)
{
  static const char *const args[] = { "cat", NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  int r = life_container (&h->container, h->sandbox, life, "c1", "sleep 100", err);
  if (r == 0)
    r = kata_container_start (h->container, LIFE_MS, err);
  options.args = args;
  if (r == 0)
    r = kata_container_exec (&h->exec, h->container, &options, LIFE_MS, err);
  if (r == 0)
    r = kata_process_write (h->exec, "hello", 5, NULL, LIFE_MS, err);
  if (r == 0)
    r = kata_process_close_stdin (h->exec, LIFE_MS, err);
  char buffer[64];
  size_t n = 0;
  if (r == 0)
    r = kata_process_read (h->exec, KATA_STDOUT, buffer, sizeof buffer, &n, LIFE_MS, err);
  if (r == 0 && (n != 5 || memcmp (buffer, "hello", 5) != 0))
    r = KATA_E_INTERNAL;
  int status = -1;
  if (r == 0)
    r = kata_process_wait (h->exec, &status, LIFE_MS, err);
  return r != 0 ? r : status == 0 ? 0 : KATA_E_INTERNAL;
}

static int
end_container (struct handles *h, kata_error **err)
{
  int status = -1;
  int r = kata_container_get_process (&h->process, h->container, err);
  if (r == 0)
    r = kata_container_pause (h->container, LIFE_MS, err);
  if (r == 0)
    r = kata_container_resume (h->container, LIFE_MS, err);
  if (r == 0)
    r = kata_container_kill (h->container, 9, 0, LIFE_MS, err);
  if (r == 0)
    r = kata_process_wait (h->process, &status, LIFE_MS, err);
  if (r == 0 && status != 137)
    r = KATA_E_INTERNAL;
  return r != 0 ? r : kata_container_delete (h->container, 0, LIFE_MS, err);
}

static int
run (struct life *life, kata_runtime *runtime, const char *id, struct handles *h, kata_error **err)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = id;
  int r = kata_sandbox_create (&h->sandbox, runtime, &options, err);
  if (r == 0)
    r = kata_sandbox_start (h->sandbox, LIFE_MS, err);
  if (r == 0)
    r = run_container (life, h, err);
  if (r == 0)
    r = kata_sandbox_pause (h->sandbox, LIFE_MS, err);
  if (r == 0)
    r = kata_sandbox_resume (h->sandbox, LIFE_MS, err);
  if (r == 0)
    r = end_container (h, err);
  if (r == 0)
    r = kata_sandbox_stop (h->sandbox, LIFE_MS, err);
  return r != 0 ? r : kata_sandbox_delete (h->sandbox, 0, err);
}

int
life_run (struct life *life, kata_runtime *runtime, const char *id, kata_error **err)
{
  struct handles h = { 0 };
  int r = run (life, runtime, id, &h, err);
  kata_process_unref (h.exec);
  kata_process_unref (h.process);
  kata_container_unref (h.container);
  kata_sandbox_unref (h.sandbox);
  return r;
}
