/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the merging of metrics: what is accepted once, is accepted again in the form in which it is written, and does not change any more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/merge.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static GString *
merged (const char *text, size_t length, const metrics_merge_rules *rules)
{
  g_autoptr (metrics_merge) merge = metrics_merge_new ();
  if (!metrics_merge_add (merge, text, length, rules))
    return NULL;
  GString *out = g_string_new (NULL);
  metrics_merge_write (merge, out);
  return out;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const prefixes[] = { "kata_guest_", "kata_agent_", NULL };
  const metrics_merge_rules raw = { .prefixes = prefixes, .sandbox_id = "one", .add_id = TRUE };
  const metrics_merge_rules labelled = { .prefixes = prefixes, .sandbox_id = "one" };
  char *copy = malloc (size > 0 ? size : 1);
  memcpy (copy, data, size);
  GString *first = merged (copy, size, &raw);
  if (first) {
    GString *second = merged (first->str, first->len, &labelled);
    if (!second || !g_string_equal (first, second))
      abort ();
    g_string_free (second, TRUE);
    g_string_free (first, TRUE);
  }
  free (copy);
  return 0;
}
