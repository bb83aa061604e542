/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options: a table-driven reader of command lines: types, clusters of letters, the nearest name when one is wrong, --help. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "output.h"
#include "units.h"

#define OPTIONS_GLOBALS 8

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL }; /* as enum kata_log_level */

/* Words that every command takes, before or after its name. --help is handled by the reader itself. */
static void
global_rows (ctl *ctl, option_row rows[OPTIONS_GLOBALS])
{
  const option_row all[OPTIONS_GLOBALS] = {
    { 0, "config", OPTION_STRING, &ctl->config, "FILE", "configuration.toml to use instead of the search path" },
    { 0, "state-dir", OPTION_STRING, &ctl->state_dir, "DIR", "where sandboxes are recorded" },
    { 0, "hypervisor", OPTION_STRING, &ctl->hypervisor, "NAME",
      "backend to use; 'katactl hypervisor list' shows them" },
    { 0, "backend-library", OPTION_STRINGS, &ctl->backend_libraries, "FILE",
      "a .so with a backend, trusted as katactl is; repeatable" },
    { 0, "log-level", OPTION_STRING, &ctl->log_level, "LEVEL", "error, warning (default), info or debug" },
    { 0, "json", OPTION_FLAG, &ctl->json, NULL, "print JSON; errors are JSON on stderr" },
    { 'h', "help", OPTION_FLAG, NULL, NULL, "show this help" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  memcpy (rows, all, sizeof all);
}

/* Edit distance with a row of at most 64 characters: longer names are no typing mistakes of ours. */
static unsigned
distance (const char *a, const char *b)
{
  size_t length = strlen (b);
  unsigned row[65];
  if (length > 64 || strlen (a) > 64)
    return UINT_MAX;
  for (unsigned j = 0; j <= length; j++)
    row[j] = j;
  for (unsigned i = 1; a[i - 1]; i++) {
    unsigned diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= length; j++) {
      unsigned above = row[j], cost = diagonal + (a[i - 1] != b[j - 1]);
      row[j] = MIN (cost, MIN (above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[length];
}

const char *
options_nearest (const char *wrong, const char *const *names)
{
  const char *best = NULL;
  unsigned best_distance = (unsigned) MAX (2, strlen (wrong) / 3) + 1;
  for (; *names; names++) {
    unsigned d = g_str_has_prefix (*names, wrong) && strlen (wrong) > 1 ? 1 : distance (wrong, *names);
    if (d < best_distance) {
      best_distance = d;
      best = *names;
    }
  }
  return best;
}

static const option_row *
find_row (const option_row *rows, const char *name, size_t length, char letter)
{
  for (; rows->name; rows++)
    if (letter ? rows->letter == letter : strlen (rows->name) == length && strncmp (rows->name, name, length) == 0)
      return rows;
  return NULL;
}

static int
unknown_option (ctl *ctl, const option_row *rows, const option_row *globals, const char *word, size_t length)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  for (const option_row *r = rows; r->name; r++)
    g_ptr_array_add (names, (void *) r->name);
  for (const option_row *r = globals; r->name; r++)
    g_ptr_array_add (names, (void *) r->name);
  g_ptr_array_add (names, NULL);
  g_autofree char *wrong = g_strndup (word, length);
  const char *nearest = options_nearest (wrong, (const char *const *) names->pdata);
  if (nearest)
    return output_usage (ctl, "unknown option --%s; did you mean --%s?", wrong, nearest);
  return output_usage (ctl, "unknown option --%s", wrong);
}

static int
take_value (ctl *ctl, const option_row *row, const char *text)
{
  static const char *const expected[] = {
    [OPTION_BYTES] = "a size like 512M or 2GiB",
    [OPTION_DURATION] = "a duration like 30s, 500ms or 2m",
    [OPTION_CPUS] = "a number of CPUs like 2 or 1.5",
    [OPTION_COUNT] = "a number",
  };
  int rc = 0;
  switch (row->kind) {
  case OPTION_STRING:
    *(const char **) row->value = text;
    break;
  case OPTION_STRINGS: {
    GPtrArray **array = row->value;
    if (!*array)
      *array = g_ptr_array_new ();
    g_ptr_array_add (*array, (void *) text);
    break;
  }
  case OPTION_BYTES:
    rc = units_parse_bytes (text, row->value);
    break;
  case OPTION_DURATION:
    rc = units_parse_duration (text, row->value);
    break;
  case OPTION_CPUS:
    rc = units_parse_cpus (text, row->value);
    break;
  case OPTION_COUNT:
    rc = units_parse_count (text, row->value);
    break;
  default:
    break;
  }
  if (rc < 0)
    return output_usage (ctl, "--%s: \"%s\" is not %s", row->name, text, expected[row->kind]);
  return -1;
}

/* What the helpers below share: where in the command line the reader is. */
struct reader {
  ctl *ctl;
  const option_row *rows, *globals;
  int argc, at;
  char **argv;
};

static int
take_flag (struct reader *r, const option_row *row)
{
  if (!row->value) { /* only --help has no place of its own */
    options_print_help (r->ctl, r->rows);
    return CTL_OK;
  }
  *(int *) row->value = 1;
  return -1;
}

static int
read_long (struct reader *r, const char *word)
{
  const char *equal = strchr (word, '=');
  size_t length = equal ? (size_t) (equal - word) : strlen (word);
  const option_row *row = find_row (r->rows, word, length, 0);
  if (!row)
    row = find_row (r->globals, word, length, 0);
  if (!row)
    return unknown_option (r->ctl, r->rows, r->globals, word, length);
  if (row->kind == OPTION_FLAG) {
    if (equal)
      return output_usage (r->ctl, "--%s takes no value", row->name);
    return take_flag (r, row);
  }
  if (equal)
    return take_value (r->ctl, row, equal + 1);
  if (r->at + 1 >= r->argc)
    return output_usage (r->ctl, "--%s needs a value (%s)", row->name, row->argument);
  return take_value (r->ctl, row, r->argv[++r->at]);
}

static int
read_letters (struct reader *r, const char *word)
{
  for (; *word; word++) {
    const option_row *row = find_row (r->rows, NULL, 0, *word);
    if (!row)
      row = find_row (r->globals, NULL, 0, *word);
    if (!row)
      return output_usage (r->ctl, "unknown option -%c", *word);
    int rc;
    if (row->kind == OPTION_FLAG) {
      rc = take_flag (r, row);
    } else if (word[1]) {
      return take_value (r->ctl, row, word[1] == '=' ? word + 2 : word + 1);
    } else if (r->at + 1 >= r->argc) {
      return output_usage (r->ctl, "-%c needs a value (%s)", *word, row->argument);
    } else {
      return take_value (r->ctl, row, r->argv[++r->at]);
    }
    if (rc >= 0)
      return rc;
  }
  return -1;
}

int
options_log_level (const char *name)
{
  for (int i = 0; log_levels[i]; i++)
    if (strcmp (log_levels[i], name) == 0)
      return i;
  return -1;
}

static int
check_log_level (ctl *ctl)
{
  if (!ctl->log_level || options_log_level (ctl->log_level) >= 0)
    return -1;
  const char *nearest = options_nearest (ctl->log_level, log_levels);
  return output_usage (ctl, "--log-level: \"%s\" is not error, warning, info or debug%s%s%s", ctl->log_level,
                       nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

int
options_parse (ctl *ctl, const option_row *rows, GPtrArray *arguments, int argc, char **argv, int flags)
{
  option_row globals[OPTIONS_GLOBALS];
  global_rows (ctl, globals);
  /* Errors are to be JSON wherever --json stands, also behind the mistake. */
  for (int i = 1; i < argc && strcmp (argv[i], "--") != 0; i++)
    if (strcmp (argv[i], "--json") == 0)
      ctl->json = 1;
    else if (argv[i][0] != '-' && (flags & OPTIONS_STOP_AT_ARGUMENT))
      break;
  struct reader r = { .ctl = ctl, .rows = rows, .globals = globals, .argc = argc, .argv = argv, .at = 1 };
  for (; r.at < argc; r.at++) {
    const char *word = argv[r.at];
    int rc = -1;
    if (strcmp (word, "--") == 0) {
      r.at++;
      break;
    }
    if (g_str_has_prefix (word, "--")) {
      rc = read_long (&r, word + 2);
    } else if (word[0] == '-' && word[1]) {
      rc = read_letters (&r, word + 1);
    } else if (flags & OPTIONS_STOP_AT_ARGUMENT) {
      break;
    } else {
      g_ptr_array_add (arguments, (void *) word);
    }
    if (rc >= 0)
      return rc;
  }
  for (; r.at < argc; r.at++)
    g_ptr_array_add (arguments, argv[r.at]);
  return check_log_level (ctl);
}

int
options_parse_arguments (ctl *ctl, const option_row *rows, GPtrArray *arguments, int argc, char **argv, guint least,
                         guint most)
{
  int rc = options_parse (ctl, rows, arguments, argc, argv, 0);
  if (rc >= 0)
    return rc;
  if (arguments->len < least)
    return output_usage (ctl, "an argument is missing: katactl %s %s", ctl->command->name, ctl->command->arguments);
  if (arguments->len > most)
    return output_usage (ctl, "\"%s\" is one argument too many", (const char *) arguments->pdata[most]);
  return -1;
}

static void
print_rows (const char *title, const option_row *rows)
{
  if (!rows->name)
    return;
  printf ("\n%s:\n", title);
  for (; rows->name; rows++) {
    if (!rows->help)
      continue;
    g_autofree char *left = g_strdup_printf ("%c%c%c --%s%s%s", rows->letter ? '-' : ' ',
                                             rows->letter ? rows->letter : ' ', rows->letter ? ',' : ' ', rows->name,
                                             rows->argument ? " " : "", rows->argument ? rows->argument : "");
    printf ("  %-28s %s\n", left, rows->help);
  }
}

void
options_print_help (ctl *ctl, const option_row *rows)
{
  option_row globals[OPTIONS_GLOBALS];
  global_rows (ctl, globals);
  const command *command = ctl->command;
  if (!command) {
    cmd_help (ctl, 1, ctl->argv);
    return;
  }
  printf ("Usage: katactl %s [OPTIONS] %s\n\n%s\n", command->name, command->arguments, command->summary);
  if (command->alias)
    printf ("The same as: katactl %s\n", command->alias);
  print_rows ("Options", rows);
  print_rows ("Options of every command", globals);
  if (command->examples) {
    printf ("\nExamples:\n");
    for (const char *const *e = command->examples; e[0]; e += 2)
      printf ("  %-60s # %s\n", e[0], e[1]);
  }
}
