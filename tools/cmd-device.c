/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-device: `katactl device add` and `katactl device remove`: PCI devices of the host that come to a running sandbox and go from it. */
#include "options.h"
#include "output.h"
#include "progress.h"
#include "resolve.h"

static int
change (ctl *ctl, kata_sandbox *sandbox, gboolean adds, const char *word)
{
  CTL_AUTO (error) err = NULL;
  const kata_host_device device = { .size = sizeof device, .address = word };
  progress *progress = progress_begin (ctl, adds ? "adding" : "removing");
  int rc = adds ? kata_sandbox_add_host_device (sandbox, &device, KATA_TIMEOUT_DEFAULT, &err)
                : kata_sandbox_remove_host_device (sandbox, word, KATA_TIMEOUT_DEFAULT, &err);
  progress_end (&progress);
  return rc < 0 ? output_error (ctl, NULL, err) : CTL_OK;
}

int
cmd_device (ctl *ctl, int argc, char **argv)
{
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  CTL_AUTO (sandbox) sandbox = NULL;
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 3, 3);
  if (rc >= 0)
    return rc;
  const char *verb = arguments->pdata[0];
  gboolean adds = g_str_equal (verb, "add");
  if (!adds && !g_str_equal (verb, "remove"))
    return output_usage (ctl, "\"%s\" is neither add nor remove", verb);
  rc = resolve_sandbox (ctl, arguments->pdata[1], &sandbox);
  if (rc == 0)
    rc = change (ctl, sandbox, adds, arguments->pdata[2]);
  if (rc == CTL_OK)
    output_done (ctl, kata_sandbox_get_id (sandbox), adds ? "device add" : "device remove");
  return rc;
}
