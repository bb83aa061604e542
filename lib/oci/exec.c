/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exec: the process that kata_exec_options ask for in a container. */
#include <string.h>

#include "oci/change.h"
#include "oci/read.h"

static int
read_process (kata_oci_spec *spec, const char *text, kata_error **err)
{
  struct kata_json_reader reader;
  const kata_json *root = NULL;
  int rc = kata_oci__read_text (&reader, &root, spec->arena, text, strlen (text), err);
  if (rc < 0)
    return rc;
  memset (&spec->process, 0, sizeof spec->process);
  kata_oci__read_process (&reader, root, &spec->process);
  return reader.result;
}

int
kata_oci_spec__exec (kata_oci_spec **out, kata_oci_spec *container, const kata_exec_options *options, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__derive (container);
  const struct kata_oci_change change = { .args = options->args,
                                          .env = options->env,
                                          .cwd = options->cwd,
                                          .user = options->user,
                                          .terminal = (options->flags & KATA_EXEC_TERMINAL) != 0,
                                          .rows = options->rows,
                                          .columns = options->columns };
  int rc = 0;
  if ((options->flags & ~(uint32_t) KATA_EXEC_TERMINAL) != 0)
    return kata_error__set (err, KATA_E_INVALID, "flags", "flags: 0x%x has unknown bits", options->flags);
  if (options->process_json == NULL && options->args == NULL)
    return kata_error__set (err, KATA_E_INVALID, "args", "args: neither args nor process_json says what to execute");
  if (options->process_json != NULL)
    rc = read_process (spec, options->process_json, err);
  else
    spec->process.terminal = false; /* the container's terminal is not the new process's */
  spec->have_process = true;
  if (rc == 0)
    rc = kata_oci_process__change (&spec->process, spec->arena, &change, err);
  if (rc == 0)
    *out = g_steal_pointer (&spec);
  return rc;
}
