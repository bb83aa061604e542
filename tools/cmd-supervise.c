/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-supervise: the hidden `katactl supervise`: take over a detached container whose supervisor was killed. */
#include "options.h"
#include "output.h"
#include "resolve.h"
#include "session.h"
#include "supervise.h"

int
cmd_supervise (ctl *ctl, int argc, char **argv)
{
  uint32_t report_fd = 0;
  const option_row rows[] = {
    { 0, SUPERVISE_OPTION, OPTION_COUNT, &report_fd, "FD", NULL },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1);
  if (rc >= 0)
    return rc;
  if (report_fd)
    supervise_enter (ctl, (int) report_fd);
  job_block_signals ();
  g_autofree char *id = resolve_id (ctl, arguments->pdata[0]);
  if (!id)
    return CTL_FAILED;
  timing *timing = timing_new (ctl->started_us, 0);
  session session = { .job = { .ctl = ctl }, .timing = timing };
  rc = session_take_over (&session, id);
  timing_free (timing);
  return rc;
}
