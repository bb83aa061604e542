/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture: the snapshot is taken before anything is made and compared after all of it is gone. */
#include "fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct life *life;
kata_runtime *runtime;
static char *before;

void
fixture_setup (void)
{
  before = residue_take (g_get_tmp_dir (), RESIDUE_ISOLATED);
  life = life_new ();
  runtime = life_runtime (life);
}

void
fixture_teardown (void)
{
  kata_runtime_unref (runtime);
  life_free (life);
  g_autofree char *after = residue_compare (before, g_get_tmp_dir (), RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "left behind:\n%s", after);
  g_free (before);
}

void
fixture_misbehave (const char *action, const char *how)
{
  static char *program, *name; /* of the first call: the environment names the script afterwards */
  if (program == NULL) {
    const char *value = g_getenv ("KATA_TESTS_FAKE");
    program = g_strdup (strchr (value, ':') + 1);
    name = g_strndup (value, strcspn (value, ":"));
  }
  g_autofree char *script = g_build_filename (life->dir, "faulty", NULL);
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\ncase $1 in -v | -version | --version) exec %s \"$@\";; esac\n"
                                           "exec %s --fault %s:%s \"$@\"\n",
                                           program, program, action, how);
  g_autofree char *fake = g_strdup_printf ("%s:%s", name, script);
  ck_assert (g_file_set_contents_full (script, text, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  g_setenv ("KATA_TESTS_FAKE", fake, TRUE);
  fixture_configure ("");
}

void
fixture_configure (const char *settings)
{
  life_configure (life, settings);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
}

void
fixture_disk_guest (void)
{
  g_autofree char *path = g_build_filename (life->dir, "guest.json", NULL);
  ck_assert (g_file_set_contents (
      path, "{\"features\":[\"virtio-fs\",\"virtio-net\",\"vsock\",\"virtio-blk\"],\"initrd\":\"vmlinuz\"}", -1, NULL));
}

kata_sandbox *
fixture_sandbox (void)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_error *error = NULL;
  options.id = "s";
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  return sandbox;
}

kata_sandbox *
fixture_running (const char *settings, const char *action, const char *how)
{
  kata_error *error = NULL;
  fixture_misbehave (action, how);
  fixture_configure (settings);
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  return sandbox;
}

kata_sandbox *
fixture_cat (kata_container **container, const char *image)
{
  static const char *const args[] = { "cat", NULL };
  const kata_disk disk = { .size = sizeof disk, .id = "root", .path = image, .flags = KATA_DISK_READONLY };
  const kata_disk *const disks[] = { &disk, NULL };
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  kata_container_options wanted = KATA_CONTAINER_OPTIONS_INIT;
  kata_sandbox *sandbox = NULL;
  kata_container *made = NULL;
  kata_error *error = NULL;
  options.id = "s";
  options.disks = disks;
  wanted.id = "c";
  wanted.rootfs_disk = "root";
  wanted.args = args;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_container_create (&made, sandbox, &wanted, LIFE_MS, &error), error);
  ck_ok (kata_container_start (made, LIFE_MS, &error), error);
  if (container != NULL)
    *container = made;
  else
    kata_container_unref (made);
  return sandbox;
}

void
fixture_end (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
}

void
fixture_refused (int result, int code, const char *text, kata_error **error)
{
  ck_assert_msg (result == code, "%s instead of %s: %s", kata_error_code_name (result), kata_error_code_name (code),
                 kata_error_get_message (*error));
  ck_assert_msg (strstr (kata_error_get_message (*error), text) != NULL, "%s", kata_error_get_message (*error));
  kata_error_unrefp (error);
}

int
fixture_resize (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib, int64_t timeout_ms, kata_error **err)
{
  kata_sandbox_size size = KATA_SANDBOX_SIZE_INIT;
  size.vcpus = vcpus;
  size.memory_mib = memory_mib;
  return kata_sandbox_resize (sandbox, &size, timeout_ms, err);
}

int
fixture_fail_each (const struct fixture_call *call)
{
  static struct life_fault fault; /* the runtime keeps it */
  bool struck = true;
  int points = 0;
  life_fault (runtime, &fault);
  for (int n = 1; struck; n++) {
    kata_error *error = NULL;
    fault = (struct life_fault){ .at = n, .code = KATA_E_NO_MEMORY };
    int r = call->call (call->data, &error);
    fault.at = 0;
    struck = fault.name[0] != '\0';
    points += struck;
    ck_assert_msg ((r == KATA_E_NO_MEMORY) == struck && (r == 0) != struck, "at \"%s\": %d %s", fault.name, r,
                   kata_error_get_message (error));
    kata_error_unref (error);
    call->after (call->data, struck ? fault.name : NULL);
  }
  return points;
}

bool
fixture_killed (const char *program, int at, const char *how, int last)
{
  g_autofree char *number = g_strdup_printf ("%d", at);
  const char *const args[] = { program, "live", life->dir, number, how, NULL };
  int status = bed_wait (bed_spawn (args), LIFE_MS);
  ck_assert_msg ((WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL) ||
                     (WIFEXITED (status) && WEXITSTATUS (status) == last),
                 "at point %d: status %d", at, status);
  return WIFSIGNALED (status);
}

int
fixture_kill_each (const char *program, const char *how, int last, void (*mend) (const char *point))
{
  int n = 1;
  for (bool killed = true; killed; n++) {
    g_autofree char *number = g_strdup_printf ("%d", n);
    killed = fixture_killed (program, n, how, last);
    if (mend != NULL)
      mend (number);
    life_clear (life, "s", n % 2 == 0);
  }
  return n - 2;
}

int
fixture_live_running (kata_sandbox **sandbox)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  int r = kata_sandbox_create (sandbox, runtime, &options, NULL);
  return r != 0 ? r : kata_sandbox_start (*sandbox, LIFE_MS, NULL);
}

int
fixture_live (char **argv, fixture_step begin, fixture_step go)
{
  struct life_fault fault = { .at = atoi (argv[3]) };
  kata_sandbox *sandbox = NULL;
  life = life_open (argv[2]);
  if (life_runtime_new (&runtime, life, NULL) != 0 || (begin != NULL && begin (&sandbox) != 0))
    return 3;
  life_fault (runtime, &fault);
  int r = go (&sandbox);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  life_close (life);
  return r != 0;
}

/* ---- things that come and go ---- */

struct scene {
  const struct fixture_thing *thing;
  kata_sandbox *sandbox;
};

static int
scene_add (void *data, kata_error **err)
{
  const struct scene *scene = data;
  return scene->thing->add (scene->sandbox, err);
}

static int
scene_take_out (void *data, kata_error **err)
{
  const struct scene *scene = data;
  return scene->thing->take_out (scene->sandbox, err);
}

/* After each: it is as before the call that failed, and the next call mends it. */
static void
after_add (void *data, const char *point)
{
  const struct scene *scene = data;
  kata_error *error = NULL;
  if (point != NULL) {
    scene->thing->see (scene->sandbox, false, point);
    ck_ok (scene_add (data, &error), error);
  }
  scene->thing->see (scene->sandbox, true, point);
  ck_ok (scene_take_out (data, &error), error);
}

/* It may be done, and told late. */
static void
after_take_out (void *data, const char *point)
{
  const struct scene *scene = data;
  kata_error *error = NULL;
  int r = point != NULL ? scene_take_out (data, &error) : 0;
  ck_assert_msg (r == 0 || r == KATA_E_NOT_FOUND, "after \"%s\": %s", point, kata_error_get_message (error));
  kata_error_unrefp (&error);
  scene->thing->see (scene->sandbox, false, point);
  ck_ok (scene_add (data, &error), error);
}

int
fixture_thing_fail_each (const struct fixture_thing *thing, kata_sandbox *sandbox)
{
  struct scene scene = { thing, sandbox };
  kata_error *error = NULL;
  const struct fixture_call coming = { scene_add, after_add, &scene },
                            going = { scene_take_out, after_take_out, &scene };
  int points = fixture_fail_each (&coming);
  ck_ok (thing->add (sandbox, &error), error);
  points += fixture_fail_each (&going);
  ck_ok (thing->take_out (sandbox, &error), error);
  return points;
}

int
fixture_thing_go (const struct fixture_thing *thing, kata_sandbox *sandbox)
{
  int r = thing->add (sandbox, NULL);
  return r != 0 ? r : thing->take_out (sandbox, NULL);
}

void
fixture_thing_mend (const struct fixture_thing *thing, const char *point)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  ck_ok (kata_sandbox_open (&sandbox, runtime, "s", &error), error);
  if (kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING) {
    int r = thing->add (sandbox, &error);
    ck_assert_msg (r == 0 || r == KATA_E_EXISTS, "after SIGKILL at %s: %s", point, kata_error_get_message (error));
    kata_error_unrefp (&error);
    ck_ok (thing->take_out (sandbox, &error), error);
  }
  kata_sandbox_unref (sandbox);
}
