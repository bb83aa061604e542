/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-errors: every code of enum kata_error_code, brought about through the public interface; the bindings' tests have the same table.
   Arguments: none = over the null backend; HYPERVISOR CONFIG = around a real guest, what is broken on purpose being another sandbox still. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <glib/gstdio.h>

#include "base/fd.h"
#include "faulty.h"
#include "fixture.h"

#define ENDED   "ended"   /* its machine has ended */
#define CORRUPT "corrupt" /* somebody has written in its state */
#define QEMU    "/usr/bin/qemu-system-x86_64"

/* The sandbox that runs while all this goes wrong around it, and in it a cat that waits for its input. */
static kata_sandbox *sandbox;
static kata_container *container;
static kata_process *cat;

/* ---- runtimes that are wrong ---- */

/* A runtime like ours, but for its hypervisor and the settings in that one's table. */
static int
other_runtime (kata_runtime **out, const char *hypervisor, const char *settings, kata_error **err)
{
  g_autofree char *path = g_build_filename (life->dir, "other.toml", NULL);
  g_autofree char *text = g_strdup_printf ("[hypervisor.%s]\n%s\n", hypervisor, settings);
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  options.config_path = path;
  options.state_dir = life->state_dir;
  options.hypervisor = hypervisor;
  return kata_runtime_new (out, &options, err);
}

/* Creates a sandbox, starts it if it came so far, and removes it: the first failure. */
static int
boot (kata_runtime *other, kata_error **err)
{
  kata_sandbox *made = NULL;
  kata_error *error = NULL;
  int r = kata_sandbox_create (&made, other, NULL, err);
  if (r != 0)
    return r;
  r = kata_sandbox_start (made, LIFE_MS, err);
  ck_ok (kata_sandbox_delete (made, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (made);
  return r;
}

static int
boot_with (const char *hypervisor, const char *settings, kata_error **err)
{
  kata_runtime *other = NULL;
  int r = other_runtime (&other, hypervisor, settings, err);
  if (r == 0)
    r = boot (other, err);
  kata_runtime_unref (other);
  return r;
}

/* A hypervisor that fails so, and does not say why. */
static int
boot_faulty (int code, kata_error **err)
{
  g_autofree char *text = g_strdup_printf ("kernel = \"%s\"\ninitrd = \"%s\"\nkernel_params = \"faulty.code=%d\"",
                                           life->config, life->config, code);
  kata_runtime *other = NULL;
  kata_error *error = NULL;
  ck_ok (other_runtime (&other, "faulty", text, &error), error);
  ck_ok (kata_runtime_add_backend (other, &kata_backend_plugin, &error), error);
  int r = boot (other, err);
  kata_runtime_unref (other);
  return r;
}

/* ---- how each code comes about ---- */

static int
create (const char *id, const char *const *annotations, kata_error **err)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *made = NULL;
  options.id = id;
  options.annotations = annotations;
  return kata_sandbox_create (&made, runtime, &options, err);
}

static int
invalid (kata_error **err)
{
  return create ("../x", NULL, err);
}

static int
config (kata_error **err)
{
  return boot_with ("null", "default_vcpus = \"many\"", err);
}

static int
spec (kata_error **err)
{
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  kata_container *made = NULL;
  options.config_json = "{\"ociVersion\":1}";
  options.rootfs = life->rootfs;
  return kata_container_create (&made, sandbox, &options, LIFE_MS, err);
}

static int
unsupported (kata_error **err)
{
  return boot_with ("qemu", "path = \"/nonexistent\"", err);
}

static int
not_found (kata_error **err)
{
  kata_sandbox *none = NULL;
  return kata_sandbox_open (&none, runtime, "nothing", err);
}

static int
exists (kata_error **err)
{
  return create ("s", NULL, err);
}

static int
state (kata_error **err)
{
  return kata_sandbox_start (sandbox, LIFE_MS, err);
}

/* Another program of the library's works on it: this is how they keep out of each other's way. */
static int
busy (kata_error **err)
{
  g_autofree char *dir = g_build_filename (life->state_dir, "s", NULL);
  kata_auto_fd int held = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ck_assert_int_eq (flock (held, LOCK_EX), 0);
  return kata_sandbox_pause (sandbox, 50, err);
}

static int
timed_out (kata_error **err)
{
  int status;
  return kata_process_wait (cat, &status, 0, err);
}

struct wait {
  kata_error **err;
  int result, returned;
};

static gpointer
wait_for_ever (gpointer data)
{
  struct wait *wait = data;
  int status;
  wait->result = kata_process_wait (cat, &status, KATA_TIMEOUT_NONE, wait->err);
  g_atomic_int_set (&wait->returned, 1);
  return NULL;
}

static int
cancelled (kata_error **err)
{
  struct wait wait = { .err = err };
  kata_error *error = NULL;
  GThread *thread = g_thread_new ("wait", wait_for_ever, &wait);
  for (; g_atomic_int_get (&wait.returned) == 0; g_usleep (1000))
    ck_ok (kata_process_interrupt (cat, KATA_CALL_WAIT, &error), error);
  g_thread_join (thread);
  return wait.result;
}

static int
no_memory (kata_error **err)
{
  return boot_faulty (KATA_E_NO_MEMORY, err);
}

static int
limit (kata_error **err)
{
  kata_placement placement = KATA_PLACEMENT_INIT;
  g_autofree char *deep = g_strnfill (100000, '[');
  return kata_placement_read (&placement, deep, "c", err);
}

static int
permission (kata_error **err)
{
  static const char *const annotations[] = { "io.katacontainers.config.hypervisor.kernel_params", "x", NULL };
  return create (NULL, annotations, err);
}

static int
io (kata_error **err)
{
  g_autofree char *below_a_file = g_build_filename (life->config, "x", NULL);
  kata_runtime_options options = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime *none = NULL;
  options.state_dir = below_a_file;
  options.hypervisor = "null";
  return kata_runtime_new (&none, &options, err);
}

static int
host (kata_error **err)
{
  return boot_faulty (KATA_E_HOST, err);
}

/* A null machine ends by itself: it is told to through its own socket, which closes when it has. */
static void
end_machine (const char *id)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = g_build_filename (life->state_dir, id, "null-control.sock", NULL);
  kata_auto_fd int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char answer;
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  ck_assert_int_eq (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (send (fd, "stop\n", 5, MSG_NOSIGNAL), 5);
  while (read (fd, &answer, 1) > 0)
    ;
}

/* Its process is read from when it has ended. */
static int
vmm (kata_error **err)
{
  kata_runtime *other = NULL;
  kata_error *error = NULL;
  kata_container *in = NULL;
  kata_process *process = NULL;
  char byte;
  size_t n;
  ck_ok (other_runtime (&other, "null", "", &error), error);
  kata_sandbox *ended = life_sandbox (other, ENDED);
  ck_ok (life_container (&in, ended, life, "c", "sleep 1000", &error), error);
  ck_ok (kata_container_start (in, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, in, &error), error);
  end_machine (ENDED);
  int r = kata_process_read (process, KATA_STDERR, &byte, 1, &n, LIFE_MS, err);
  ck_ok (kata_sandbox_delete (ended, KATA_DELETE_FORCE, &error), error);
  kata_process_unref (process);
  kata_container_unref (in);
  kata_sandbox_unref (ended);
  kata_runtime_unref (other);
  return r;
}

/* Without QEMU here, one that says the same. */
static int
guest (kata_error **err)
{
  if (g_access (QEMU, X_OK) != 0)
    return boot_faulty (KATA_E_GUEST, err);
  return boot_with ("qemu", "kernel = \"/nonexistent\"\ninitrd = \"/nonexistent\"", err);
}

static int
agent (kata_error **err)
{
  return boot_with ("null", "kernel_params = \"null.agent=hangs-up\"", err);
}

static int
protocol (kata_error **err)
{
  return boot_faulty (KATA_E_PROTOCOL, err);
}

static int
corrupt (kata_error **err)
{
  g_autofree char *path = g_build_filename (life->state_dir, CORRUPT, "state.json", NULL);
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *spoilt = NULL;
  kata_error *error = NULL;
  char *json = NULL;
  options.id = CORRUPT;
  ck_ok (kata_sandbox_create (&spoilt, runtime, &options, &error), error);
  ck_assert (g_file_set_contents (path, "{}", -1, NULL));
  int r = kata_sandbox_inspect (&json, spoilt, err);
  ck_ok (kata_sandbox_delete (spoilt, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (spoilt);
  return r;
}

/* A backend that returns a number which is no code: whoever wrote it has made a mistake, and nobody else can mend it. */
static int
internal (kata_error **err)
{
  return boot_faulty (-1000, err);
}

static const struct row {
  int code;
  int (*bring_about) (kata_error **err);
  const char *how;
} rows[] = {
  { KATA_E_INVALID, invalid, "an id that is a path" },
  { KATA_E_CONFIG, config, "a configuration with a text where a number is wanted" },
  { KATA_E_SPEC, spec, "a config.json with a number where a text is wanted" },
  { KATA_E_UNSUPPORTED, unsupported, "QEMU, whose program is not there" },
  { KATA_E_NOT_FOUND, not_found, "a sandbox that nobody has made" },
  { KATA_E_EXISTS, exists, "an id that is taken" },
  { KATA_E_STATE, state, "a sandbox that runs is started" },
  { KATA_E_BUSY, busy, "another program holds the sandbox" },
  { KATA_E_TIMEOUT, timed_out, "a wait of no time for a process that runs" },
  { KATA_E_CANCELLED, cancelled, "a wait that is interrupted" },
  { KATA_E_NO_MEMORY, no_memory, "a backend that says so" },
  { KATA_E_LIMIT, limit, "a config.json of a hundred thousand brackets" },
  { KATA_E_PERMISSION, permission, "an annotation that is not allowed" },
  { KATA_E_IO, io, "a state directory below a file" },
  { KATA_E_HOST, host, "a backend that says so" },
  { KATA_E_VMM, vmm, "a process whose machine has ended" },
  { KATA_E_GUEST, guest, "a kernel that is not there" },
  { KATA_E_AGENT, agent, "an agent that hangs up" },
  { KATA_E_PROTOCOL, protocol, "a backend that says so" },
  { KATA_E_CORRUPT, corrupt, "a state file that somebody has written in" },
  { KATA_E_INTERNAL, internal, "a backend that returns what is no code" },
};

START_TEST (every_code)
{
  kata_error *error = NULL;
  sandbox = life_sandbox (runtime, "s");
  ck_ok (life_container (&container, sandbox, life, "c", "cat", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&cat, container, &error), error);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *name = kata_error_code_name (rows[i].code);
    int r = rows[i].bring_about (&error);
    printf ("%-12s %s: %s\n", name, rows[i].how, kata_error_get_message (error));
    ck_assert_msg (r == rows[i].code, "%s: %d %s", name, r, kata_error_get_message (error));
    bed_failed (r, &error, name);
    /* Who does not ask for an error's object gets the code all the same. */
    ck_assert_int_eq (rows[i].bring_about (NULL), rows[i].code);
  }
  /* And none of it has touched the one that runs. */
  ck_assert_int_eq (kata_sandbox_get_state (sandbox), KATA_STATE_RUNNING);
  ck_assert_int_eq (kata_container_get_state (container), KATA_STATE_RUNNING);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_process_unref (cat);
  kata_container_unref (container);
  kata_sandbox_unref (sandbox);
}
END_TEST

/* A code that is added to the enumeration has to be brought about here too: its name tells that it is there. */
START_TEST (no_code_is_left_out)
{
  int n = 0;
  for (int code = -1; strcmp (kata_error_code_name (code), "unknown") != 0; code--, n++)
    ck_assert_msg ((size_t) n < G_N_ELEMENTS (rows) && rows[n].code == code, "%s (%d) is not brought about",
                   kata_error_code_name (code), code);
  ck_assert_int_eq (n, (int) G_N_ELEMENTS (rows));
  ck_assert_int_eq (rows[n - 1].code, KATA_E_INTERNAL);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "errors", 600, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, every_code);
  tcase_add_test (tcase, no_code_is_left_out);
  return suite;
}

int
main (int argc, char **argv)
{
  g_autofree char *why = argc > 2 ? life_over (argv[1], argv[2]) : NULL;
  if (why != NULL) {
    printf ("SKIP: %s\n", why);
    return 77;
  }
  return bed_run (make);
}
