/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record: the two walks over a table of fields. */
#include "sandbox/record.h"

#define AT(data_, offset_, type_) (*(type_ *) ((char *) (data_) + (offset_)))

static void
write_many (struct kata_json_writer *w, const struct kata_field *field, const void *data)
{
  kata_json_write__begin_array (w, field->name);
  if (field->type == KATA_FIELD_U32S) {
    const uint32_t *items = AT (data, field->offset, uint32_t *);
    for (size_t i = 0; i < AT (data, field->count, size_t); i++)
      kata_json_write__uint (w, NULL, items[i]);
  } else if (field->type == KATA_FIELD_STRUCTS) {
    const char *items = AT (data, field->offset, char *);
    for (size_t i = 0; i < AT (data, field->count, size_t); i++)
      kata_record__write (w, NULL, field->of, items + i * field->of->size);
  } else {
    void *const *items = AT (data, field->offset, void **);
    for (size_t i = 0; items != NULL && items[i] != NULL; i++)
      kata_record__write (w, NULL, field->of, items[i]);
  }
  kata_json_write__end_array (w);
}

static void
write_field (struct kata_json_writer *w, const struct kata_field *field, const void *data)
{
  switch (field->type) {
  case KATA_FIELD_STRING:
  case KATA_FIELD_TEXT:
    if (AT (data, field->offset, const char *) != NULL)
      kata_json_write__string (w, field->name, AT (data, field->offset, const char *));
    break;
  case KATA_FIELD_STRV:
    if (AT (data, field->offset, char **) != NULL)
      kata_json_write__strv (w, field->name, (const char *const *) AT (data, field->offset, char **));
    break;
  case KATA_FIELD_BOOL:
    kata_json_write__bool (w, field->name, AT (data, field->offset, bool));
    break;
  case KATA_FIELD_I32:
    kata_json_write__int (w, field->name, AT (data, field->offset, int32_t));
    break;
  case KATA_FIELD_U32:
    kata_json_write__uint (w, field->name, AT (data, field->offset, uint32_t));
    break;
  case KATA_FIELD_I64:
    kata_json_write__int (w, field->name, AT (data, field->offset, int64_t));
    break;
  case KATA_FIELD_U64:
    kata_json_write__uint (w, field->name, AT (data, field->offset, uint64_t));
    break;
  case KATA_FIELD_STRUCT:
    kata_record__write (w, field->name, field->of, (const char *) data + field->offset);
    break;
  default:
    write_many (w, field, data);
  }
}

void
kata_record__write (struct kata_json_writer *w, const char *name, const struct kata_record *record, const void *data)
{
  kata_json_write__begin_object (w, name);
  for (const struct kata_field *field = record->fields; field->name != NULL; field++)
    write_field (w, field, data);
  kata_json_write__end_object (w);
}

static void
read_many (struct kata_json_reader *reader, const kata_json *object, const struct kata_field *field, void *data)
{
  const kata_json *array = kata_json__get_array (reader, object, field->name);
  size_t n = array != NULL ? array->n : 0;
  size_t item = field->type == KATA_FIELD_U32S ? sizeof (uint32_t) : field->of->size;
  char *items = n != 0 ? kata_arena__alloc_array (reader->arena, n, item) : NULL;
  size_t i = 0;
  for (const kata_json *value = n != 0 ? array->first : NULL; value != NULL && i < n; value = value->next, i++) {
    if (field->type == KATA_FIELD_U32S)
      ((uint32_t *) (void *) items)[i] = (uint32_t) kata_json__u64 (reader, value, UINT32_MAX);
    else if (kata_json__is (reader, value, KATA_JSON_OBJECT))
      kata_record__read (reader, value, field->of, items + i * item);
  }
  if (field->type != KATA_FIELD_POINTERS) {
    AT (data, field->offset, void *) = items;
    AT (data, field->count, size_t) = n;
    return;
  }
  void **pointers = n != 0 ? kata_arena__alloc_array (reader->arena, n + 1, sizeof (void *)) : NULL;
  for (size_t k = 0; k < n; k++)
    pointers[k] = items + k * item;
  AT (data, field->offset, void **) = pointers;
}

static void
read_field (struct kata_json_reader *reader, const kata_json *object, const struct kata_field *field, void *data)
{
  const char *text;
  switch (field->type) {
  case KATA_FIELD_STRING:
  case KATA_FIELD_TEXT:
    text = kata_json__get_string (reader, object, field->name);
    AT (data, field->offset, const char *) = text == NULL && field->type == KATA_FIELD_STRING ? "" : text;
    break;
  case KATA_FIELD_STRV:
    AT (data, field->offset, char **) = kata_json__get_strv (reader, object, field->name);
    break;
  case KATA_FIELD_BOOL:
    AT (data, field->offset, bool) = kata_json__get_bool (reader, object, field->name);
    break;
  case KATA_FIELD_I32:
    AT (data, field->offset, int32_t) = kata_json__get_i32 (reader, object, field->name);
    break;
  case KATA_FIELD_U32:
    AT (data, field->offset, uint32_t) = kata_json__get_u32 (reader, object, field->name);
    break;
  case KATA_FIELD_I64:
    AT (data, field->offset, int64_t) = kata_json__get_i64 (reader, object, field->name);
    break;
  case KATA_FIELD_U64:
    AT (data, field->offset, uint64_t) = kata_json__get_u64 (reader, object, field->name);
    break;
  case KATA_FIELD_STRUCT:
    kata_record__read (reader, kata_json__get_object (reader, object, field->name), field->of,
                       (char *) data + field->offset);
    break;
  default:
    read_many (reader, object, field, data);
  }
}

void
kata_record__read (struct kata_json_reader *reader, const kata_json *object, const struct kata_record *record,
                   void *data)
{
  if (record->prepare != NULL)
    record->prepare (data);
  for (const struct kata_field *field = record->fields; field->name != NULL; field++)
    read_field (reader, object, field, data);
}
