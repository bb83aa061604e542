/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options: a table-driven reader of command lines: types, clusters of letters, the nearest name when one is wrong, --help. */
#ifndef KATACTL_OPTIONS_H
#define KATACTL_OPTIONS_H

#include "ctl.h"

enum option_kind {
  OPTION_FLAG,     /* int * */
  OPTION_STRING,   /* const char ** */
  OPTION_STRINGS,  /* GPtrArray ** of const char *; made when first used */
  OPTION_BYTES,    /* uint64_t *: "512M" */
  OPTION_DURATION, /* int64_t *: milliseconds from "30s" */
  OPTION_CPUS,     /* uint32_t *: thousandths from "1.5" */
  OPTION_COUNT     /* uint32_t * */
};

typedef struct option_row {
  char letter; /* 0 = none */
  const char *name;
  int kind;
  void *value;
  const char *argument; /* in the help, for example "DIR" */
  const char *help;     /* NULL = not shown */
} option_row;

enum options_flags {
  OPTIONS_STOP_AT_ARGUMENT = 1 /* what follows the first argument belongs to somebody else's program */
};

/**
 * Read @argv[1…]; @arguments receives what is no option (pointers into argv). The rows end with one without a name.
 * Returns -1 to go on, or the exit code to end with: 0 after --help, 2 after an error that was printed.
 */
int options_parse (ctl *ctl, const option_row *rows, GPtrArray *arguments, int argc, char **argv, int flags);
/** The enum kata_log_level of a name, or -1. */
int options_log_level (const char *name);
/** The text of --help for the command in @ctl. */
void options_print_help (ctl *ctl, const option_row *rows);
/** Of @names (NULL-terminated), the one that @wrong was probably meant to be, or NULL. */
const char *options_nearest (const char *wrong, const char *const *names);
/** Like options_parse() when only @least to @most arguments are allowed; -1 = go on. */
int options_parse_arguments (ctl *ctl, const option_row *rows, GPtrArray *arguments, int argc, char **argv, guint least,
                             guint most);

#endif
