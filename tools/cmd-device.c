/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-device: `katactl device add` and `katactl device remove`: PCI devices of the host that come to a running sandbox and go from it. */
#include "add-remove.h"
#include "output.h"
#include "progress.h"

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
  return add_remove (ctl, argc, argv, "device", change);
}
