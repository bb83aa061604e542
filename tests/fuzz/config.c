/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes configuration texts; what is accepted gets the text's first line as an annotation too. */
#include <string.h>

#include "config/annotations.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (kata_config) config = NULL, changed = NULL;
  g_autoptr (kata_error) err = NULL, denied = NULL;
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  int r = kata_config__parse (&config, "fuzz.toml", (const char *) data, size, warnings, &err);
  if ((r == 0) != (config != NULL) || (r < 0) != (err != NULL))
    __builtin_trap ();
  if (r < 0)
    return 0;
  const uint8_t *end = size > 0 ? memchr (data, '\n', size) : NULL;
  g_autofree char *line = g_strndup ((const char *) data, end != NULL ? (size_t) (end - data) : size);
  const char *pairs[] = { "io.katacontainers.config.hypervisor.kernel_params", line,
                          "io.katacontainers.config.agent.kernel_modules", line, NULL };
  r = kata_config__apply_annotations (&changed, config, "qemu", pairs, warnings, &denied);
  if ((r == 0) != (changed != NULL) || (r < 0) != (denied != NULL))
    __builtin_trap ();
  return 0;
}
