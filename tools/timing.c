/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timing: how long the parts of a run took, for --trace-timing; the parts inside a sandbox's start come from the library. */
#include "timing.h"

#include <stdio.h>
#include <string.h>

#include "members.h"
#include "output.h"

struct part {
  char name[48];
  int64_t us;
  int inner; /* a part of the part before it */
};

struct timing {
  GMutex lock;
  int enabled, seen_byte;
  int64_t started, last;
  int64_t first_byte; /* since started */
  GArray *parts;      /* struct part */
};

timing *
timing_new (int64_t started_us, int enabled)
{
  timing *timing = g_new0 (struct timing, 1);
  g_mutex_init (&timing->lock);
  timing->enabled = enabled;
  timing->started = timing->last = started_us;
  timing->parts = g_array_new (FALSE, TRUE, sizeof (struct part));
  return timing;
}

void
timing_free (timing *timing)
{
  g_array_unref (timing->parts);
  g_mutex_clear (&timing->lock);
  g_free (timing);
}

static void
add_part (timing *timing, const char *name, int64_t us, int inner)
{
  struct part part = { .us = us, .inner = inner };
  g_strlcpy (part.name, name, sizeof part.name);
  g_array_append_val (timing->parts, part);
}

static void
mark_locked (timing *timing, const char *name)
{
  int64_t now = g_get_monotonic_time ();
  add_part (timing, name, now - timing->last, 0);
  timing->last = now;
}

void
timing_mark (timing *timing, const char *name)
{
  if (!timing->enabled)
    return;
  g_mutex_lock (&timing->lock);
  mark_locked (timing, name);
  g_mutex_unlock (&timing->lock);
}

void
timing_mark_sandbox (timing *timing, const char *name, kata_sandbox *sandbox)
{
  CTL_AUTO_STRING json = NULL;
  if (!timing->enabled)
    return;
  timing_mark (timing, name);
  if (kata_sandbox_inspect (&json, sandbox, NULL) < 0)
    return;
  g_autoptr (JsonParser) parser = NULL;
  JsonArray *parts = members_array (members_parse (json, &parser), "timing");
  g_mutex_lock (&timing->lock);
  for (guint i = 0; parts && i < json_array_get_length (parts); i++) {
    JsonNode *node = json_array_get_element (parts, i);
    JsonObject *part = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    if (members_string (part, "name"))
      add_part (timing, members_string (part, "name"), members_int (part, "us", 0), 1);
  }
  timing->last = g_get_monotonic_time ();
  g_mutex_unlock (&timing->lock);
}

void
timing_first_byte (timing *timing)
{
  if (!timing->enabled)
    return;
  g_mutex_lock (&timing->lock);
  if (!timing->seen_byte) {
    timing->seen_byte = 1;
    mark_locked (timing, "first output");
    timing->first_byte = timing->last - timing->started;
  }
  g_mutex_unlock (&timing->lock);
}

static void
append_json (timing *timing, GString *text)
{
  g_string_append (text, "{\"timing\":[");
  for (guint i = 0; i < timing->parts->len; i++) {
    struct part *part = &g_array_index (timing->parts, struct part, i);
    g_autofree char *name = output_plain (part->name);
    g_strdelimit (name, "\"\\", '_');
    g_string_append_printf (text, "%s{\"name\":\"%s\",\"us\":%" G_GINT64_FORMAT ",\"inner\":%s}", i ? "," : "", name,
                            part->us, part->inner ? "true" : "false");
  }
  g_string_append_printf (text, "],\"first_output_us\":%" G_GINT64_FORMAT "}\n", timing->first_byte);
}

static void
append_table (timing *timing, GString *text)
{
  g_string_append_printf (text, "%-34s %12s\n", "PART", "MILLISECONDS");
  for (guint i = 0; i < timing->parts->len; i++) {
    struct part *part = &g_array_index (timing->parts, struct part, i);
    g_string_append_printf (text, "%s%-*s %12.1f\n", part->inner ? "  " : "", part->inner ? 32 : 34, part->name,
                            (double) part->us / 1000);
  }
  if (timing->seen_byte)
    g_string_append_printf (text, "%-34s %12.1f\n", "start to first output", (double) timing->first_byte / 1000);
}

void
timing_print (timing *timing, ctl *ctl)
{
  g_autoptr (GString) text = g_string_new (NULL);
  if (!timing->enabled)
    return;
  g_mutex_lock (&timing->lock);
  if (ctl->json)
    append_json (timing, text);
  else
    append_table (timing, text);
  g_mutex_unlock (&timing->lock);
  output_text (ctl, text->str);
}
