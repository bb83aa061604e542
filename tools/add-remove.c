/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* add-remove: what comes to a sandbox and goes from it; its nouns are cmd-disk and cmd-device. */
#include "add-remove.h"

#include "options.h"
#include "output.h"
#include "resolve.h"

int
add_remove (ctl *ctl, int argc, char **argv, const char *noun, add_remove_change change)
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
  g_autofree char *done = g_strdup_printf ("%s %s", noun, verb);
  rc = resolve_sandbox (ctl, arguments->pdata[1], &sandbox);
  if (rc == 0)
    rc = change (ctl, sandbox, adds, arguments->pdata[2]);
  if (rc == CTL_OK)
    output_done (ctl, kata_sandbox_get_id (sandbox), done);
  return rc;
}
