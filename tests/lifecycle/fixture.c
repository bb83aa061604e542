/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture: the snapshot is taken before anything is made and compared after all of it is gone. */
#include "fixture.h"

#include <string.h>

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
