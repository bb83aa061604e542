/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-recover: `katactl recover`: undo what processes that were killed have left. */
#include <stdio.h>

#include "options.h"
#include "output.h"
#include "progress.h"
#include "record.h"

static int
print (ctl *ctl, uint32_t removed)
{
  if (!ctl->json) {
    printf ("%u sandbox%s removed\n", removed, removed == 1 ? "" : "es");
    return CTL_OK;
  }
  JsonBuilder *builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "removed");
  json_builder_add_int_value (builder, removed);
  json_builder_end_object (builder);
  return output_json_builder (builder);
}

int
cmd_recover (ctl *ctl, int argc, char **argv)
{
  int all = 0;
  const option_row rows[] = {
    { 0, "all", OPTION_FLAG, &all, NULL, "also what runs: stop and remove every sandbox of the state directory" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  CTL_AUTO (error) err = NULL;
  CTL_AUTO_STRINGS ids = NULL;
  uint32_t removed = 0;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 0);
  if (rc >= 0)
    return rc;
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  progress *progress = progress_begin (ctl, "cleaning up");
  rc = kata_runtime_recover (ctl->runtime, all ? KATA_RECOVER_ALL : KATA_RECOVER_DEAD, &removed, KATA_TIMEOUT_DEFAULT,
                             &err);
  progress_end (&progress);
  if (kata_runtime_list (&ids, ctl->runtime, NULL) == 0)
    record_sweep (ctl, ids);
  if (rc < 0)
    return output_error (ctl, NULL, err);
  return print (ctl, removed);
}
