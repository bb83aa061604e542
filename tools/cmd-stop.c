/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-stop: `katactl stop`: end a sandbox's containers and its virtual machine; it stays listed. */
#include <stdio.h>

#include "end.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "resolve.h"

static int
one (ctl *ctl, const char *word, int64_t grace_ms)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  int rc = resolve_sandbox (ctl, word, &sandbox);
  if (rc != 0)
    return rc;
  progress *progress = progress_begin (ctl, "stopping");
  rc = end_sandbox (ctl, sandbox, grace_ms, &err);
  progress_end (&progress);
  if (rc < 0 && rc != KATA_E_NOT_FOUND) /* its supervisor may have removed it at its end */
    return output_error (ctl, NULL, err);
  output_done (ctl, kata_sandbox_get_id (sandbox), "stop");
  return CTL_OK;
}

int
cmd_stop (ctl *ctl, int argc, char **argv)
{
  int64_t grace_ms = 10000;
  int worst = CTL_OK;
  const option_row rows[] = {
    { 't', "timeout", OPTION_DURATION, &grace_ms, "DURATION", "from SIGTERM to SIGKILL (default: 10s)" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1000);
  if (rc >= 0)
    return rc;
  for (guint i = 0; i < arguments->len; i++) {
    rc = one (ctl, arguments->pdata[i], grace_ms);
    worst = rc ? rc : worst;
  }
  return worst;
}
