/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-kill: `katactl kill`: a signal for a container. */
#include <stdio.h>

#include "options.h"
#include "output.h"
#include "resolve.h"
#include "units.h"

static int
one (ctl *ctl, const char *word, int signum, uint32_t flags)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (container) container = NULL;
  CTL_AUTO (error) err = NULL;
  int rc = resolve_container (ctl, word, &sandbox, &container);
  if (rc != 0)
    return rc;
  if (kata_container_kill (container, signum, flags, KATA_TIMEOUT_DEFAULT, &err) < 0)
    return output_error (ctl, NULL, err);
  output_done (ctl, kata_sandbox_get_id (sandbox), "kill");
  return CTL_OK;
}

int
cmd_kill (ctl *ctl, int argc, char **argv)
{
  const char *name = "KILL";
  int all = 0, signum = 0, worst = CTL_OK;
  const option_row rows[] = {
    { 's', "signal", OPTION_STRING, &name, "SIGNAL", "name or number (default: KILL)" },
    { 'a', "all", OPTION_FLAG, &all, NULL, "to every process of the container, not only the first" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1000);
  if (rc >= 0)
    return rc;
  if (units_parse_signal (name, &signum) < 0)
    return output_usage (ctl, "--signal: \"%s\" is no signal; use a name like TERM or a number from 1 to 64", name);
  for (guint i = 0; i < arguments->len; i++) {
    rc = one (ctl, arguments->pdata[i], signum, all ? KATA_KILL_ALL : 0);
    worst = rc ? rc : worst;
  }
  return worst;
}
