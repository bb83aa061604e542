/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-delete: `katactl delete`: remove sandboxes with everything they have on the host. */
#include <stdio.h>

#include "end.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "record.h"
#include "resolve.h"

#define SUPERVISOR_MS 15000

static int
remove_one (ctl *ctl, kata_sandbox *sandbox, int force, kata_error **err)
{
  CTL_AUTO (error) ignored = NULL;
  const char *id = kata_sandbox_get_id (sandbox);
  int state = kata_sandbox_get_state (sandbox);
  if (force && (state == KATA_STATE_RUNNING || state == KATA_STATE_PAUSED))
    end_sandbox (ctl, sandbox, 0, &ignored); /* delete tries again and says what is wrong */
  else if (state == KATA_STATE_STOPPED)
    record_wait_supervisor (ctl, id, SUPERVISOR_MS);
  int rc = kata_sandbox_delete (sandbox, force ? KATA_DELETE_FORCE : 0, err);
  if (rc == 0 || rc == KATA_E_NOT_FOUND) {
    record_wait_supervisor (ctl, id, SUPERVISOR_MS);
    record_remove (ctl, id);
    return 0;
  }
  return rc;
}

static int
one (ctl *ctl, const char *word, int force)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  g_autofree char *id = resolve_id (ctl, word);
  if (!id)
    return CTL_FAILED;
  if (kata_sandbox_open (&sandbox, ctl->runtime, id, &err) < 0)
    return output_error (ctl, NULL, err);
  progress *progress = progress_begin (ctl, "deleting");
  int rc = remove_one (ctl, sandbox, force, &err);
  progress_end (&progress);
  if (rc == KATA_E_STATE && !force)
    return output_fail (ctl, CTL_FAILED, "\"%s\" still runs; stop it first or use 'katactl delete --force %s'", id, id);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  output_done (ctl, id, "delete");
  return CTL_OK;
}

int
cmd_delete (ctl *ctl, int argc, char **argv)
{
  int force = 0, worst = CTL_OK;
  const option_row rows[] = {
    { 'f', "force", OPTION_FLAG, &force, NULL, "stop it first if it runs" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1000);
  if (rc >= 0)
    return rc;
  for (guint i = 0; i < arguments->len; i++) {
    rc = one (ctl, arguments->pdata[i], force);
    worst = rc ? rc : worst;
  }
  return worst;
}
