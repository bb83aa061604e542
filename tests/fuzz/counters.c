/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* counters: what a VMM counts, in JSON of its own making: what becomes of it are lines of the metrics' format, and so many at most. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "sandbox/counters.h"

#define SAMPLE "kata_hypervisor_counter{device=\""
#define NAME   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* SAMPLE NAME ",item=" NAME "} " DIGITS */
static bool
is_sample (const char *line)
{
  static const char item[] = "\",item=\"", end[] = "\"} ";
  if (!g_str_has_prefix (line, SAMPLE))
    return false;
  line += strlen (SAMPLE);
  line += strspn (line, NAME);
  if (!g_str_has_prefix (line, item))
    return false;
  line += strlen (item);
  line += strspn (line, NAME);
  if (!g_str_has_prefix (line, end))
    return false;
  line += strlen (end);
  return line[0] != '\0' && strspn (line, "0123456789") == strlen (line);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *text = NULL, *copy = g_strndup ((const char *) data, size);
  /* The other side of it: a guest's own text. */
  g_autofree char *kept = kata_counters__without (copy), *again = kata_counters__without (kept);
  if (strcmp (kept, again) != 0 || strstr (kept, "kata_hypervisor_") != NULL)
    g_error ("a guest speaks for its hypervisor");
  int r = kata_counters__text (&text, (const char *) data, size, &error);
  if ((r != 0) != (error != NULL))
    g_error ("a refusal without an error: %d", r);
  g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);
  unsigned n = 0;
  for (char **line = lines; *line != NULL; line++) {
    n += is_sample (*line);
    if ((*line)[0] != '\0' && (*line)[0] != '#' && !is_sample (*line))
      g_error ("a line that is none: %s", *line);
  }
  if (n > KATA_COUNTERS_MAX)
    g_error ("%u samples", n);
  return 0;
}
