/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* args: reads a command line as runc's: "-x value", "--xyz value", "--xyz=value", one dash or two. */
#ifndef KATACTL_VERBS_ARGS_H
#define KATACTL_VERBS_ARGS_H

#include "verbs/oci.h"

enum arg_kind {
  ARG_FLAG,   /* int * */
  ARG_TEXT,   /* const char ** */
  ARG_TEXTS,  /* GPtrArray ** of const char *; made when first used */
  ARG_IGNORED /* takes a value that means nothing here */
};

typedef struct arg_row {
  const char *name;
  char letter; /* 0 = none */
  int kind;
  void *value; /* (nullable): the value is dropped */
} arg_row;

/**
 * Read options from @argv[1…] until the first word that is none; the rows end with one without a name.
 * Returns the index of that word (or @argc), or -1 after an error was written.
 */
int args_parse (oci *oci, const arg_row *rows, int argc, char **argv);
/** args_parse(), then @least to @most words follow. */
int args_parse_words (oci *oci, const arg_row *rows, int argc, char **argv, int least, int most);

#endif
