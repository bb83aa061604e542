/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-pause: `katactl pause`, `katactl resume` (a whole virtual machine, or one container in it) and `katactl refresh`. */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "output.h"
#include "progress.h"
#include "resolve.h"

static int
one (ctl *ctl, const char *word, int pause)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (container) container = NULL;
  CTL_AUTO (error) err = NULL;
  int only_container = strchr (word, '/') != NULL;
  int rc = only_container ? resolve_container (ctl, word, &sandbox, &container) : resolve_sandbox (ctl, word, &sandbox);
  if (rc != 0)
    return rc;
  progress *progress = progress_begin (ctl, pause ? "pausing" : "resuming");
  if (only_container)
    rc = pause ? kata_container_pause (container, KATA_TIMEOUT_DEFAULT, &err)
               : kata_container_resume (container, KATA_TIMEOUT_DEFAULT, &err);
  else
    rc = pause ? kata_sandbox_pause (sandbox, KATA_TIMEOUT_DEFAULT, &err)
               : kata_sandbox_resume (sandbox, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  output_done (ctl, kata_sandbox_get_id (sandbox), pause ? "pause" : "resume");
  return CTL_OK;
}

static int
refresh_one (ctl *ctl, const char *word, int unused)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  int rc = resolve_sandbox (ctl, word, &sandbox);
  if (rc != 0)
    return rc;
  progress *progress = progress_begin (ctl, "looking at the network");
  rc = kata_sandbox_refresh_network (sandbox, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  output_done (ctl, kata_sandbox_get_id (sandbox), "refresh");
  return CTL_OK;
}

typedef int (*action) (ctl *ctl, const char *word, int pause);

static int
each (ctl *ctl, int argc, char **argv, action one, int pause)
{
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1000), worst = CTL_OK;
  if (rc >= 0)
    return rc;
  for (guint i = 0; i < arguments->len; i++) {
    rc = one (ctl, arguments->pdata[i], pause);
    worst = rc ? rc : worst;
  }
  return worst;
}

int
cmd_pause (ctl *ctl, int argc, char **argv)
{
  return each (ctl, argc, argv, one, 1);
}

int
cmd_resume (ctl *ctl, int argc, char **argv)
{
  return each (ctl, argc, argv, one, 0);
}

int
cmd_refresh (ctl *ctl, int argc, char **argv)
{
  return each (ctl, argc, argv, refresh_one, 0);
}
