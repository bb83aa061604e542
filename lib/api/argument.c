/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argument: size-prefixed structs and time-outs. */
#include "api/argument.h"

#include <string.h>

#define OPTIONS_MAX 4096u

int
kata_argument__size (const void *theirs, size_t known, size_t first, const char *what, kata_error **err)
{
  size_t size = *(const size_t *) theirs;
  if (size < first || size > OPTIONS_MAX)
    return kata_error__set (err, KATA_E_INVALID, what, "%s: its size field is %zu; use its _INIT macro", what, size);
  const unsigned char *bytes = theirs;
  for (size_t i = known; i < size; i++)
    if (bytes[i] != 0)
      return kata_error__set (err, KATA_E_INVALID, what, "%s: a field is set that libkata %s does not know", what,
                              kata_version ());
  return 0;
}

int
kata_argument__options (void *ours, size_t known, size_t first, const void *theirs, const char *what, kata_error **err)
{
  int r = kata_argument__size (theirs, known, first, what, err);
  if (r != 0)
    return r;
  size_t size = *(const size_t *) theirs;
  memset (ours, 0, known);
  memcpy (ours, theirs, size < known ? size : known);
  memcpy (ours, &known, sizeof known);
  return 0;
}

int
kata_argument__timeout (int64_t timeout_ms, kata_error **err)
{
  if (timeout_ms >= 0 || timeout_ms == KATA_TIMEOUT_DEFAULT)
    return 0;
  return kata_error__set (err, KATA_E_INVALID, "timeout_ms",
                          "timeout_ms: %lld is neither a time nor KATA_TIMEOUT_DEFAULT", (long long) timeout_ms);
}
