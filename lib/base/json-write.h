/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-write: builds a JSON text value by value; whoever calls keeps the order right, commas and indentation come by themselves. */
#ifndef KATA_BASE_JSON_WRITE_H
#define KATA_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

struct kata_json_writer {
  GString *text;
  unsigned depth;
  bool pretty;
  bool need_comma;
};

/** @pretty: two spaces a level and a newline at the end; else one line. */
void kata_json_write__init (struct kata_json_writer *w, bool pretty);
/** Ends the writer; g_free() (= kata_free()) the text. */
char *kata_json_write__finish (struct kata_json_writer *w);
/** Ends the writer and drops the text. */
void kata_json_write__clear (struct kata_json_writer *w);

/* @name: the member's name inside an object; NULL inside an array or at the top. */
void kata_json_write__begin_object (struct kata_json_writer *w, const char *name);
void kata_json_write__end_object (struct kata_json_writer *w);
void kata_json_write__begin_array (struct kata_json_writer *w, const char *name);
void kata_json_write__end_array (struct kata_json_writer *w);
void kata_json_write__string (struct kata_json_writer *w, const char *name, const char *value); /* NULL writes null */
void kata_json_write__int (struct kata_json_writer *w, const char *name, int64_t value);
void kata_json_write__uint (struct kata_json_writer *w, const char *name, uint64_t value);
void kata_json_write__bool (struct kata_json_writer *w, const char *name, bool value);
void kata_json_write__null (struct kata_json_writer *w, const char *name);
void
kata_json_write__strv (struct kata_json_writer *w, const char *name, const char *const *values); /* NULL writes [] */

#endif
