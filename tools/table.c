/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table: rows of text under headings: aligned on a terminal, tab-separated otherwise; no borders. */
#include "table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

struct table {
  GPtrArray *cells; /* char *, the headings first */
  guint columns;
};

table *
table_new (const char *first, ...)
{
  table *table = g_new0 (struct table, 1);
  table->cells = g_ptr_array_new_with_free_func (g_free);
  va_list args;
  va_start (args, first);
  for (const char *heading = first; heading; heading = va_arg (args, const char *)) {
    g_ptr_array_add (table->cells, g_strdup (heading));
    table->columns++;
  }
  va_end (args);
  return table;
}

void
table_add (table *table, const char *cell)
{
  g_ptr_array_add (table->cells, cell && *cell ? output_plain (cell) : g_strdup ("-"));
}

void
table_take (table *table, char *cell)
{
  table_add (table, cell);
  g_free (cell);
}

void
table_print (table *table)
{
  int terminal = isatty (STDOUT_FILENO);
  g_autofree glong *widths = g_new0 (glong, table->columns);
  for (guint i = 0; i < table->cells->len; i++) {
    glong width = g_utf8_strlen (table->cells->pdata[i], -1);
    widths[i % table->columns] = MAX (widths[i % table->columns], width);
  }
  for (guint i = 0; i < table->cells->len; i++) {
    const char *cell = table->cells->pdata[i];
    guint column = i % table->columns;
    fputs (cell, stdout);
    if (column + 1 == table->columns)
      putchar ('\n');
    else if (terminal)
      printf ("%*s", (int) (widths[column] - g_utf8_strlen (cell, -1) + 2), "");
    else
      putchar ('\t');
  }
  g_ptr_array_unref (table->cells);
  g_free (table);
}
