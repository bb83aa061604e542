/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the readers of OCI texts; a spec that is taken must also be planned or refused without a crash. */
#include <stddef.h>
#include <stdint.h>

#include "oci/spec.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_oci_process) process = NULL;
  g_autoptr (kata_oci_resources) resources = NULL;
  g_autoptr (kata_error) err = NULL;

  if (kata_oci_spec__parse (&spec, text, size, &err) < 0 && err == NULL)
    __builtin_trap ();
  (void) kata_oci_process__parse (&process, text, size, NULL);
  (void) kata_oci_resources__parse (&resources, text, size, NULL);
  return 0;
}
