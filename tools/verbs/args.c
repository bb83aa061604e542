/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* args: reads a command line as runc's. */
#include "verbs/args.h"

#include <string.h>

static const arg_row *
find_row (const arg_row *rows, const char *name, size_t length)
{
  for (const arg_row *row = rows; row->name; row++)
    if ((strlen (row->name) == length && memcmp (row->name, name, length) == 0) ||
        (length == 1 && row->letter == *name))
      return row;
  return NULL;
}

static void
store (const arg_row *row, const char *value)
{
  if (!row->value || row->kind == ARG_IGNORED)
    return;
  if (row->kind == ARG_FLAG) {
    *(int *) row->value = !value || strcmp (value, "false") != 0;
  } else if (row->kind == ARG_TEXT) {
    *(const char **) row->value = value;
  } else {
    GPtrArray **list = row->value;
    if (!*list)
      *list = g_ptr_array_new ();
    g_ptr_array_add (*list, (void *) value);
  }
}

int
args_parse (oci *oci, const arg_row *rows, int argc, char **argv)
{
  int i = 1;
  for (; i < argc; i++) {
    const char *word = argv[i];
    if (word[0] != '-' || !word[1])
      break;
    if (strcmp (word, "--") == 0)
      return i + 1;
    word += word[1] == '-' ? 2 : 1;
    const char *equal = strchr (word, '=');
    size_t length = equal ? (size_t) (equal - word) : strlen (word);
    const arg_row *row = find_row (rows, word, length);
    if (!row) {
      oci_fail (oci, OCI_FAILED, "%s: flag provided but not defined: -%.*s", argv[0], (int) MIN (length, 100), word);
      return -1;
    }
    const char *value = equal ? equal + 1 : NULL;
    if (row->kind != ARG_FLAG && !value) {
      if (i + 1 >= argc) {
        oci_fail (oci, OCI_FAILED, "%s: flag needs an argument: -%s", argv[0], row->name);
        return -1;
      }
      value = argv[++i];
    }
    store (row, value);
  }
  return i;
}

int
args_parse_words (oci *oci, const arg_row *rows, int argc, char **argv, int least, int most)
{
  int first = args_parse (oci, rows, argc, argv);
  if (first < 0)
    return -1;
  int n = argc - first;
  if (n < least) {
    oci_fail (oci, OCI_FAILED, "%s: \"%s\" requires a minimum of %d argument(s)", argv[0], argv[0], least);
    return -1;
  }
  if (n > most) {
    oci_fail (oci, OCI_FAILED, "%s: \"%s\" requires a maximum of %d argument(s)", argv[0], argv[0], most);
    return -1;
  }
  return first;
}
