/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-write: builds a JSON text value by value; whoever calls keeps the order right, commas and indentation come by themselves.
   Plain malloc: the guest's agent uses it, too. */
#ifndef KATA_BASE_JSON_WRITE_H
#define KATA_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero but for @pretty and @limit is a writer that nothing was written with. */
struct kata_json_writer {
  char *text; /* not NUL-terminated before kata_json_write__finish() */
  size_t length, size;
  size_t limit; /* bytes; 0 = none, and then out of memory aborts, as g_malloc() does */
  unsigned depth;
  bool pretty; /* two spaces a level and a newline at the end; else one line */
  bool need_comma;
  bool failed;   /* out of memory or above @limit: nothing more is added */
  bool replaced; /* there were bytes that are not UTF-8; U+FFFD stands for each */
};

/** A writer without a limit. */
void kata_json_write__init (struct kata_json_writer *w, bool pretty);
/** Ends the writer; free() (= g_free(), kata_free()) the text. NULL if it failed, which one without a limit never does. */
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
/** @json is a value in JSON already. */
void kata_json_write__raw (struct kata_json_writer *w, const char *name, const char *json);
void
kata_json_write__strv (struct kata_json_writer *w, const char *name, const char *const *values); /* NULL writes [] */

#endif
