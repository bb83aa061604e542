/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-snapshot: `katactl snapshot` and `katactl restore`: a paused sandbox into a directory, and back. */
#include "options.h"
#include "output.h"
#include "progress.h"
#include "request.h"
#include "resolve.h"

int
cmd_snapshot (ctl *ctl, int argc, char **argv)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 2, 2);
  if (rc >= 0)
    return rc;
  rc = resolve_sandbox (ctl, arguments->pdata[0], &sandbox);
  if (rc != 0)
    return rc;
  g_autofree char *dir = g_canonicalize_filename (arguments->pdata[1], NULL);
  progress *progress = progress_begin (ctl, "writing the snapshot");
  rc = kata_sandbox_snapshot (sandbox, dir, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  output_done (ctl, kata_sandbox_get_id (sandbox), "snapshot");
  return CTL_OK;
}

static int
restore (ctl *ctl, request *request, const char *name)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  g_autofree char *dir = g_canonicalize_filename (name, NULL);
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  progress *progress = progress_begin (ctl, "restoring");
  int rc = kata_sandbox_restore (&sandbox, ctl->runtime, dir, &request->sandbox, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  output_done (ctl, kata_sandbox_get_id (sandbox), "restore");
  return CTL_OK;
}

int
cmd_restore (ctl *ctl, int argc, char **argv)
{
  request request = { 0 };
  const option_row rows[] = {
    REQUEST_ROWS (&request),
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GPtrArray) command = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1);
  if (rc < 0)
    rc = request_build (ctl, &request, command);
  if (rc < 0)
    rc = restore (ctl, &request, arguments->pdata[0]);
  request_clear (&request);
  return rc;
}
