/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-file: checks that all of it could be written as it came. */
#include "json-file.h"

#include "file.h"

void
json_file_strings (struct kata_json_writer *json, const char *name, char *const *values, size_t count)
{
  if (count == 0)
    return;
  kata_json_write__begin_array (json, name);
  for (size_t i = 0; i < count; i++)
    kata_json_write__string (json, NULL, values[i]);
  kata_json_write__end_array (json);
}

int
json_file_create (struct kata_json_writer *json, const char *path, const char *what, struct fault *fault)
{
  int result = 0;
  if (json->failed)
    result = fault_set (fault, TTRPC_RESOURCE_EXHAUSTED, "%s is larger than %u bytes", what, JSON_FILE_MAX);
  else if (json->replaced)
    result = fault_set (fault, TTRPC_INVALID_ARGUMENT, "%s has text that is not UTF-8", what);
  else if (file_create (path, json->text, json->length) < 0)
    result = fault_errno (fault, "cannot write %s", path);
  kata_json_write__clear (json);
  return result;
}
