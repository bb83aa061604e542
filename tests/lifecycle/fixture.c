/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture: the snapshot is taken before anything is made and compared after all of it is gone. */
#include "fixture.h"

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
