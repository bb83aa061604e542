/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-plan: `katactl plan`: what `run` would decide, as JSON; nothing is made. */
#include "options.h"
#include "output.h"
#include "request.h"

static int
plan (ctl *ctl, request *request)
{
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRING json = NULL;
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  if (kata_sandbox_plan (&json, ctl->runtime, &request->sandbox, &err) < 0)
    return output_error (ctl, NULL, err);
  return output_json_text (ctl, json);
}

int
cmd_plan (ctl *ctl, int argc, char **argv)
{
  request request = { 0 };
  const option_row rows[] = {
    REQUEST_ROWS (&request),
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse (ctl, rows, arguments, argc, argv, OPTIONS_STOP_AT_ARGUMENT);
  if (rc < 0)
    rc = request_build (ctl, &request, arguments);
  if (rc < 0)
    rc = plan (ctl, &request);
  request_clear (&request);
  return rc;
}
