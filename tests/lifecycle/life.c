/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* life: the steps. */
#include "life.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "backend.h"
#include "base/error.h"
#include "base/fd.h"
#include "host/tree.h"

static const char *hypervisor = "null", *foreign_config;
static const kata_backend *fake; /* in the place of null; the program is in the environment */

/* KATA_TESTS_FAKE=NAME:PROGRAM; a name that is no adapter's is that of the backend in KATA_TESTS_PLUGIN. */
static const char *
fake_program (void)
{
  const char *value = g_getenv ("KATA_TESTS_FAKE"), *colon = value != NULL ? strchr (value, ':') : NULL;
  if (colon == NULL)
    return NULL;
  g_autofree char *name = g_strndup (value, (gsize) (colon - value));
  fake = fake_backend (name);
  g_assert (fake != NULL || g_getenv ("KATA_TESTS_PLUGIN") != NULL);
  hypervisor = fake != NULL ? fake->name : g_intern_string (name);
  return colon + 1;
}

/* The first thing that this host lacks: what `katactl check` would say. */
static char *
missing (const char *report)
{
  g_autoptr (JsonNode) root = json_from_string (report, NULL);
  JsonArray *rows = json_node_get_array (root);
  for (guint i = 0; i < json_array_get_length (rows); i++) {
    JsonObject *row = json_array_get_object_element (rows, i);
    if (json_object_get_boolean_member (row, "required") && !json_object_get_boolean_member (row, "ok"))
      return g_strdup_printf ("%s: %s", json_object_get_string_member (row, "name"),
                              json_object_get_string_member (row, "detail"));
  }
  return NULL;
}

/* Called before the tests: nothing is asserted here. */
char *
life_over (const char *name, const char *config)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime *runtime = NULL;
  g_autoptr (kata_error) error = NULL;
  char *report = NULL, *why;
  g_autofree char *busybox = g_find_program_in_path ("busybox");
  if (busybox == NULL)
    return g_strdup ("busybox is not installed (package busybox-static)");
  char dir[] =
      "/tmp/kata-life-XXXXXX"; /* GLib would remember its place for temporary files before the bed has made ours */
  if (mkdtemp (dir) == NULL)
    return g_strdup ("/tmp cannot be written to");
  options.config_path = foreign_config = config;
  options.hypervisor = hypervisor = name;
  options.state_dir = dir;
  if (kata_runtime_new (&runtime, &options, &error) == 0 && kata_runtime_check (&report, runtime, &error) == 0)
    why = missing (report);
  else
    why = g_strdup (kata_error_get_message (error));
  kata_free (report);
  kata_runtime_unref (runtime);
  g_rmdir (dir);
  return why;
}

bool
life_pauses (void)
{
  return strcmp (hypervisor, "fake-acrn") != 0;
}

void
life_busybox (const char *dir)
{
  static const char *const folders[] = { "bin", "proc", "sys", "dev", "tmp" };
  static const char *const applets[] = { "sh", "cat", "echo", "sleep", "hostname", "true", "ls" };
  g_autofree char *source = g_find_program_in_path ("busybox");
  g_autofree char *program = g_build_filename (dir, "bin", "busybox", NULL);
  g_autofree char *data = NULL;
  gsize length = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *path = g_build_filename (dir, folders[i], NULL);
    ck_assert_int_eq (g_mkdir (path, 0755), 0);
  }
  ck_assert (g_file_get_contents (source, &data, &length, NULL));
  ck_assert (g_file_set_contents_full (program, data, (gssize) length, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  for (size_t i = 0; i < G_N_ELEMENTS (applets); i++) {
    g_autofree char *path = g_build_filename (dir, "bin", applets[i], NULL);
    ck_assert_int_eq (symlink ("busybox", path), 0);
  }
}

struct life *
life_open (const char *dir)
{
  struct life *life = g_new0 (struct life, 1);
  life->dir = g_strdup (dir);
  life->state_dir = g_build_filename (dir, "state", NULL);
  life->rootfs = g_build_filename (dir, "rootfs", NULL);
  life->volume = g_build_filename (dir, "volume", NULL);
  life->config =
      foreign_config != NULL ? g_strdup (foreign_config) : g_build_filename (dir, "configuration.toml", NULL);
  return life;
}

void
life_configure (struct life *life, const char *settings)
{
  const char *program = fake_program ();
  g_autofree char *kernel = g_build_filename (life->dir, "vmlinuz", NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "[hypervisor.%s]\n", hypervisor);
  if (program != NULL) {
    const char *jailer = g_getenv ("KATA_TESTS_JAILER");
    ck_assert (g_file_set_contents (kernel, "no kernel", -1, NULL));
    /* In a namespace of one user there is no other to give files to. */
    unsigned uid = jailer != NULL && chown (kernel, 1234, 1234) == 0 ? 1234 : 0;
    if (jailer != NULL)
      g_string_append_printf (text, "jailer_path = \"%s\"\njailer_uid = %u\njailer_gid = %u\n", jailer, uid, uid);
    if (strcmp (hypervisor, "fake-acrn") == 0)
      g_string_append_printf (text, "ctlpath = \"%s\"\n", program);
    g_string_append_printf (text, "path = \"%s\"\nkernel = \"%s\"\ninitrd = \"%s\"\n", program, kernel, kernel);
  }
  g_string_append (text, settings); /* which may go on with other tables */
  ck_assert (g_file_set_contents (life->config, text->str, -1, NULL));
}

struct life *
life_new (void)
{
  g_autofree char *dir = g_dir_make_tmp ("kata-life-XXXXXX", NULL);
  struct life *life = life_open (dir);
  const char *const kept[] = { life->rootfs, life->volume };
  for (size_t i = 0; i < G_N_ELEMENTS (kept); i++) {
    g_autofree char *precious = g_build_filename (kept[i], "precious", NULL);
    ck_assert_int_eq (g_mkdir (kept[i], 0755), 0);
    ck_assert (g_file_set_contents (precious, "do not delete", -1, NULL));
  }
  if (foreign_config == NULL)
    life_configure (life, "");
  else
    life_busybox (life->rootfs);
  return life;
}

void
life_close (struct life *life)
{
  g_free (life->dir);
  g_free (life->state_dir);
  g_free (life->rootfs);
  g_free (life->volume);
  g_free (life->config);
  g_free (life);
}

void
life_free (struct life *life)
{
  const char *const kept[] = { life->rootfs, life->volume };
  for (size_t i = 0; i < G_N_ELEMENTS (kept); i++) {
    g_autofree char *precious = g_build_filename (kept[i], "precious", NULL);
    ck_assert_msg (g_access (precious, F_OK) == 0, "the user's \"%s\" was emptied", kept[i]);
  }
  g_autofree char *parent = g_path_get_dirname (life->dir);
  g_autofree char *name = g_path_get_basename (life->dir);
  kata_auto_fd int fd = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (kata_error) error = NULL;
  ck_ok (kata_tree__remove (fd, name, &error), error);
  life_close (life);
}

static void
print_line (void *data, int level, const char *message)
{
  if (g_getenv ("KATA_DEBUG") != NULL)
    fprintf (stderr, "log %d: %s\n", level, message);
}

/* A copy in the life's directory: where the build folder lies, and whose it is, is not this test's business. */
static int
load_plugin (kata_runtime *runtime, const struct life *life, const char *plugin, kata_error **err)
{
  g_autofree char *copy = g_build_filename (life->dir, "backend.so", NULL), *data = NULL;
  gsize length;
  if (g_access (copy, F_OK) != 0)
    g_assert (g_file_get_contents (plugin, &data, &length, NULL) &&
              g_file_set_contents_full (copy, data, (gssize) length, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  char *real = realpath (copy, NULL);
  int r = kata_runtime_load_backend (runtime, real, err);
  free (real);
  return r;
}

int
life_runtime_new (kata_runtime **out, struct life *life, kata_error **err)
{
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  fake_program ();
  options.config_path = life->config;
  options.state_dir = life->state_dir;
  options.hypervisor = hypervisor;
  options.log = print_line;
  options.log_level = KATA_LOG_DEBUG;
  const char *plugin = g_getenv ("KATA_TESTS_PLUGIN");
  int r = kata_runtime_new (out, &options, err);
  if (r == 0 && plugin != NULL)
    return load_plugin (*out, life, plugin, err);
  return r == 0 && fake != NULL ? kata_registry__add ((*out)->registry, fake, err) : r;
}

kata_runtime *
life_runtime (struct life *life)
{
  kata_runtime *runtime = NULL;
  kata_error *error = NULL;
  ck_ok (life_runtime_new (&runtime, life, &error), error);
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
  struct life *life;
  kata_runtime *runtime;
  const char *id;
  kata_sandbox *sandbox;
  kata_container *container, *second;
  kata_process *process, *exec;
};

/* The test's own complaint, where the library had none. */
static int
expect (bool truth, const char *what, kata_error **err)
{
  return truth ? 0 : kata_error__set (err, KATA_E_INTERNAL, what, "unexpected: %s", what);
}

static int
expect_output (kata_process *process, int stream, const char *text, kata_error **err)
{
  char buffer[64];
  size_t n = 0;
  int r = kata_process_read (process, stream, buffer, sizeof buffer, &n, LIFE_MS, err);
  return r != 0 ? r : expect (n == strlen (text) && memcmp (buffer, text, n) == 0, text, err);
}

static int
expect_end (kata_process *process, int wanted, kata_error **err)
{
  int status = -1;
  int r = kata_process_wait (process, &status, LIFE_MS, err);
  return r != 0 ? r : expect (status == wanted, "exit status", err);
}

static int
step_create (struct handles *h, kata_error **err)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = h->id;
  return kata_sandbox_create (&h->sandbox, h->runtime, &options, err);
}

static int
step_start (struct handles *h, kata_error **err)
{
  return kata_sandbox_start (h->sandbox, LIFE_MS, err);
}

static int
step_container (struct handles *h, kata_error **err)
{
  return life_container (&h->container, h->sandbox, h->life, "c1", "echo out; echo err >&2; sleep 100", err);
}

static int
step_container_start (struct handles *h, kata_error **err)
{
  int r = kata_container_start (h->container, LIFE_MS, err);
  if (r == 0)
    r = kata_container_get_process (&h->process, h->container, err);
  if (r == 0)
    r = expect_output (h->process, KATA_STDOUT, "out\n", err);
  return r != 0 ? r : expect_output (h->process, KATA_STDERR, "err\n", err);
}

static int
step_exec (struct handles *h, kata_error **err)
{
  static const char *const args[] = { "cat", NULL };
  kata_exec_options options = KATA_EXEC_OPTIONS_INIT;
  options.args = args;
  int r = kata_container_exec (&h->exec, h->container, &options, LIFE_MS, err);
  if (r == 0)
    r = kata_process_write (h->exec, "hello", 5, NULL, LIFE_MS, err);
  if (r == 0)
    r = kata_process_close_stdin (h->exec, LIFE_MS, err);
  if (r == 0)
    r = expect_output (h->exec, KATA_STDOUT, "hello", err);
  return r != 0 ? r : expect_end (h->exec, 0, err);
}

static int
step_watch (struct handles *h, kata_error **err)
{
  kata_container_stats stats = KATA_CONTAINER_STATS_INIT;
  int status;
  int r = kata_process_wait (h->process, &status, 0, NULL);
  r = expect (r == KATA_E_TIMEOUT, "a wait that does not wait", err);
  if (r == 0)
    r = kata_container_stats_get (h->container, &stats, LIFE_MS, err);
  if (r == 0)
    r = expect (stats.cpu_total_ns != 0 && stats.memory_bytes != 0, "statistics", err);
  return r != 0 ? r : kata_container_update (h->container, "{\"memory\":{\"limit\":67108864}}", LIFE_MS, err);
}

/* One more, with a volume, that is deleted while it runs. */
static int
step_second (struct handles *h, kata_error **err)
{
  const char *const args[] = { "sleep", "100", NULL };
  const kata_volume volume = { sizeof volume, h->life->volume, "/data", KATA_VOLUME_READONLY };
  const kata_volume *const volumes[] = { &volume, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = "c2";
  options.rootfs = h->life->rootfs;
  options.args = args;
  options.volumes = volumes;
  int r = kata_container_create (&h->second, h->sandbox, &options, LIFE_MS, err);
  if (r == 0)
    r = kata_container_start (h->second, LIFE_MS, err);
  return r != 0 ? r : kata_container_delete (h->second, KATA_DELETE_FORCE, LIFE_MS, err);
}

static int
step_pause_machine (struct handles *h, kata_error **err)
{
  int r = kata_sandbox_pause (h->sandbox, LIFE_MS, err);
  if (!life_pauses ()) {
    kata_error_unrefp (err);
    return expect (r == KATA_E_UNSUPPORTED, "a pause that is refused", err);
  }
  return r != 0 ? r : kata_sandbox_resume (h->sandbox, LIFE_MS, err);
}

static int
step_pause_container (struct handles *h, kata_error **err)
{
  int r = kata_container_pause (h->container, LIFE_MS, err);
  return r != 0 ? r : kata_container_resume (h->container, LIFE_MS, err);
}

static int
step_kill (struct handles *h, kata_error **err)
{
  int r = kata_process_signal (h->process, 9, LIFE_MS, err);
  return r != 0 ? r : expect_end (h->process, 137, err);
}

static int
step_container_delete (struct handles *h, kata_error **err)
{
  return kata_container_delete (h->container, 0, LIFE_MS, err);
}

static int
step_stop (struct handles *h, kata_error **err)
{
  return kata_sandbox_stop (h->sandbox, LIFE_MS, err);
}

static int
step_delete (struct handles *h, kata_error **err)
{
  return kata_sandbox_delete (h->sandbox, 0, err);
}

static const struct step {
  const char *name;
  int (*run) (struct handles *h, kata_error **err);
} steps[] = {
  { "create", step_create },
  { "start", step_start },
  { "container create", step_container },
  { "container start", step_container_start },
  { "exec", step_exec },
  { "wait, stats, update", step_watch },
  { "second container", step_second },
  { "pause, resume", step_pause_machine },
  { "container pause, resume", step_pause_container },
  { "signal, wait", step_kill },
  { "container delete", step_container_delete },
  { "stop", step_stop },
  { "delete", step_delete },
};

int
life_run (struct life *life, kata_runtime *runtime, const char *id, kata_error **err)
{
  struct handles h = { .life = life, .runtime = runtime, .id = id };
  int r = 0;
  for (size_t i = 0; r == 0 && i < G_N_ELEMENTS (steps); i++) {
    life->step = steps[i].name;
    r = steps[i].run (&h, err);
  }
  kata_process_unref (h.exec);
  kata_process_unref (h.process);
  kata_container_unref (h.second);
  kata_container_unref (h.container);
  kata_sandbox_unref (h.sandbox);
  return r;
}

static int
life_hit (void *data, const char *name)
{
  struct life_fault *fault = data;
  int n = g_atomic_int_add (&fault->hits, 1) + 1;
  if (fault->names != NULL)
    g_ptr_array_add (fault->names, g_strdup (name));
  if (n != fault->at)
    return 0;
  g_strlcpy (fault->name, name, sizeof fault->name);
  if (fault->code == 0)
    raise (SIGKILL);
  return fault->code;
}

void
life_fault (kata_runtime *runtime, struct life_fault *fault)
{
  runtime->fault = (struct kata_fault){ life_hit, fault };
}

/* What is left of a sandbox goes away through one of the two ways there are; neither is told that something is amiss. */
void
life_clear (struct life *life, const char *id, bool recover)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  uint32_t n = 0;
  if (recover) {
    ck_ok (kata_runtime_recover (runtime, KATA_RECOVER_ALL, &n, LIFE_MS, &error), error);
    ck_assert_uint_le (n, 1);
  } else {
    int r = kata_sandbox_open (&sandbox, runtime, id, &error);
    if (r == 0)
      ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
    else
      ck_assert_msg (r == KATA_E_NOT_FOUND, "open: %s", kata_error_get_message (error));
    kata_error_unref (error);
  }
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
