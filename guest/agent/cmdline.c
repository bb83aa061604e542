/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline: parses words of the form agent.name=value; touches nothing else. */
#include "cmdline.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

#define PIPE_SIZE_MAX (1u << 20)

void
cmdline_init (struct cmdline *options)
{
  *options = (struct cmdline){ .level = LOG_LEVEL_INFO, .hotplug_timeout = 10 };
}

static int
parse_level (const char *name, enum log_level *level)
{
  static const struct {
    const char *name;
    enum log_level level;
  } names[] = { { "trace", LOG_LEVEL_DEBUG }, { "debug", LOG_LEVEL_DEBUG }, { "info", LOG_LEVEL_INFO },
                { "warn", LOG_LEVEL_WARN },   { "error", LOG_LEVEL_ERROR }, { "critical", LOG_LEVEL_ERROR } };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (text_is (name, names[i].name)) {
      *level = names[i].level;
      return 0;
    }
  return -1;
}

static int
parse_number (const char *text, uint32_t max, uint32_t *value)
{
  char *end;
  unsigned long number = strtoul (text, &end, 10);
  if (*text < '0' || *text > '9' || *end || number > max)
    return -1;
  *value = (uint32_t) number;
  return 0;
}

static int
parse_bool (const char *text, int *value)
{
  int yes = text_is (text, "") || text_is (text, "true") || text_is (text, "1");
  if (!yes && !text_is (text, "false") && !text_is (text, "0"))
    return -1;
  *value = yes;
  return 0;
}

static int
parse_text (const char *text, char *out, size_t size)
{
  return snprintf (out, size, "%s", text) < (int) size ? 0 : -1;
}

/* Returns 0, -1 for a bad value, 1 for an unknown name. */
static int
parse_word (struct cmdline *options, const char *name, const char *value)
{
  if (text_is (name, "log"))
    return parse_level (value, &options->level);
  if (text_is (name, "devmode")) {
    options->level = LOG_LEVEL_DEBUG;
    return 0;
  }
  if (text_is (name, "server_addr"))
    return parse_text (value, options->server_addr, sizeof options->server_addr);
  if (text_is (name, "debug_console"))
    return parse_bool (value, &options->debug_console);
  if (text_is (name, "container_pipe_size"))
    return parse_number (value, PIPE_SIZE_MAX, &options->pipe_size);
  if (text_is (name, "hotplug_timeout"))
    return parse_number (value, 3600, &options->hotplug_timeout);
  return 1;
}

void
cmdline_parse (struct cmdline *options, const struct log *log, const char *text)
{
  char word[512];
  while (*text) {
    size_t len = strcspn (text, " \n\t");
    if (len > 6 && len < sizeof word && text_starts (text, "agent.")) {
      memcpy (word, text + 6, len - 6);
      word[len - 6] = 0;
      char *value = strchr (word, '=');
      if (value)
        *value++ = 0;
      int result = parse_word (options, word, value ? value : "");
      if (result < 0)
        log_warn (log, "kernel command line: agent.%s=%s: not a valid value, ignored", word, value ? value : "");
      else if (result > 0)
        log_info (log, "kernel command line: agent.%s: not known to this agent, ignored", word);
    }
    text += len;
    while (*text == ' ' || *text == '\n' || *text == '\t')
      text++;
  }
}

int
cmdline_parse_arguments (struct cmdline *options, int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    int bad = 0;
    if (text_is (argv[i], "--no-cgroups")) {
      options->no_cgroups = 1;
      continue;
    }
    if (!value)
      bad = 1;
    else if (text_is (argv[i], "--server-addr"))
      bad = parse_text (value, options->server_addr, sizeof options->server_addr);
    else if (text_is (argv[i], "--log"))
      bad = parse_level (value, &options->level);
    else if (text_is (argv[i], "--crun"))
      bad = parse_text (value, options->crun, sizeof options->crun);
    else
      bad = 1;
    if (bad) {
      fprintf (stderr,
               "kata-agent: %s: unknown or incomplete option; known: --server-addr unix://PATH, --log LEVEL, "
               "--crun PATH, --no-cgroups\n",
               argv[i]);
      return -1;
    }
    i++;
  }
  return 0;
}
