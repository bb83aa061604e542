/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table: rows of text under headings: aligned on a terminal, tab-separated otherwise; no borders. */
#ifndef KATACTL_TABLE_H
#define KATACTL_TABLE_H

#include <glib.h>

typedef struct table table;

/** Headings, NULL at the end. */
table *table_new (const char *first, ...) G_GNUC_NULL_TERMINATED;
/** One cell after another; an empty or NULL one is printed as "-". A row is full when it has a cell for each heading. */
void table_add (table *table, const char *cell);
/** The same; frees @cell. */
void table_take (table *table, char *cell);
/** Print to stdout and free. */
void table_print (table *table);

#endif
