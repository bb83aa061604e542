/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record: structs to JSON and back by tables of their fields, so that what is written and what is read cannot differ; it opens no file. */
#ifndef KATA_SANDBOX_RECORD_H
#define KATA_SANDBOX_RECORD_H

#include "base/json-write.h"
#include "base/json.h"

enum kata_field_type {
  KATA_FIELD_STRING = 0, /* const char *; absent = "" */
  KATA_FIELD_TEXT,       /* const char *; absent = NULL */
  KATA_FIELD_STRV,       /* char **; absent = NULL */
  KATA_FIELD_BOOL,       /* bool */
  KATA_FIELD_I32,
  KATA_FIELD_U32,
  KATA_FIELD_I64,
  KATA_FIELD_U64,
  KATA_FIELD_U32S,    /* uint32_t *, size_t count */
  KATA_FIELD_STRUCT,  /* embedded */
  KATA_FIELD_STRUCTS, /* pointer to an array, size_t count */
  KATA_FIELD_POINTERS /* NULL-terminated array of pointers */
};

struct kata_field {
  const char *name; /* NULL ends the table */
  int type;         /* enum kata_field_type */
  size_t offset;
  size_t count; /* offset of the count */
  const struct kata_record *of;
};

/** A struct. @prepare (nullable) sets what is not in the table, such as a size field, before the fields are read. */
struct kata_record {
  size_t size;
  const struct kata_field *fields;
  void (*prepare) (void *data);
};

#define KATA_FIELD(type_, struct_, member_)                                                                            \
  {                                                                                                                    \
    .name = #member_, .type = KATA_FIELD_##type_, .offset = offsetof (struct_, member_)                                \
  }

/** @name as in json-write.h. */
void
kata_record__write (struct kata_json_writer *w, const char *name, const struct kata_record *record, const void *data);
/** Fills @data (zeroed by the caller) from @object; strings and arrays live in the reader's arena. Mistakes are kept in the reader. */
void kata_record__read (struct kata_json_reader *reader, const kata_json *object, const struct kata_record *record,
                        void *data);

#endif
