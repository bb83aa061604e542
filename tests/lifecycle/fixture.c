/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture: the snapshot is taken before anything is made and compared after all of it is gone. */
#include "fixture.h"

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
  life_configure (life, "");
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
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
  life_configure (life, settings);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  kata_sandbox *sandbox = fixture_sandbox ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  return sandbox;
}

void
fixture_end (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
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

int
fixture_kill_each (const char *program, int last, void (*mend) (const char *point))
{
  int n = 1;
  for (bool killed = true; killed; n++) {
    g_autofree char *number = g_strdup_printf ("%d", n);
    const char *const args[] = { program, "live", life->dir, number, NULL };
    int status = bed_wait (bed_spawn (args), LIFE_MS);
    killed = WIFSIGNALED (status);
    ck_assert_msg (killed || (WIFEXITED (status) && WEXITSTATUS (status) == last), "status %d", status);
    if (mend != NULL)
      mend (number);
    life_clear (life, "s", n % 2 == 0);
  }
  return n - 2;
}
