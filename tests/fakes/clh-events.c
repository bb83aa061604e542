/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-events: JSON objects over several lines, an empty line after each. */
#include "clh-events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDLESS (3u << 20)
#define DEPTH   100000

static int events_fd = -1;

bool
clh_events_open (const char *option)
{
  if (!g_str_has_prefix (option, "fd="))
    return false;
  events_fd = atoi (option + strlen ("fd="));
  clh_event ("vmm", "starting", NULL, NULL);
  return events_fd > 2;
}

static void
put (const char *text, size_t len)
{
  if (events_fd >= 0)
    (void) !write (events_fd, text, len);
}

void
clh_event (const char *source, const char *event, const char *property, const char *value)
{
  g_autofree char *properties =
      property != NULL ? g_strdup_printf ("{\n    \"%s\": \"%s\"\n  }", property, value) : g_strdup ("null");
  g_autofree char *text = g_strdup_printf ("{\n  \"timestamp\": {\n    \"secs\": 1,\n    \"nanos\": 2\n  },\n"
                                           "  \"source\": \"%s\",\n  \"event\": \"%s\",\n  \"properties\": %s\n}\n\n",
                                           source, event, properties);
  put (text, strlen (text));
}

void
clh_events_fault (const struct fake_fault *fault)
{
  static const char junk[] = "\xff\xfe{]\n\n{\"source\":7,\"event\":{}}\n\n[]\n\n\n\n\0\n\n{\"properties\":[1]}\n\n";
  if (fault->action == NULL || !g_str_equal (fault->action, "events"))
    return;
  if (g_str_equal (fault->how, "junk")) {
    put (junk, sizeof junk);
    put ("\n\n", 2);
  }
  if (g_str_equal (fault->how, "deep")) {
    g_autofree char *nested = g_strnfill (DEPTH, '[');
    put (nested, DEPTH);
    put ("\n\n", 2);
  }
  if (g_str_equal (fault->how, "endless")) {
    g_autofree char *letters = g_strnfill (ENDLESS, 'a');
    put (letters, ENDLESS);
    put ("\n\n", 2);
  }
  if (g_str_equal (fault->how, "silent"))
    events_fd = -1;
}

bool
clh_events_strike (const struct fake_fault *fault, const char *action, int fd)
{
  if (fault->action == NULL || !g_str_equal (fault->action, action))
    return false;
  bool panic = g_str_equal (fault->how, "panic");
  if (!panic && !g_str_equal (fault->how, "reset"))
    return false;
  if (panic)
    clh_event ("guest", "panic", "event", "panic");
  else
    clh_event ("vm", "rebooting", NULL, NULL);
  fake_reply (fd, 500, "[\"the guest does something else\"]");
  return true;
}
