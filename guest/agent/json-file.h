/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-file: a JSON text that becomes a file for crun; what is in it is its writers'. */
#ifndef AGENT_JSON_FILE_H
#define AGENT_JSON_FILE_H

#include "base/json-write.h"

#include "fault.h"

/* A configuration larger than this is refused: crun reads no more either. */
#define JSON_FILE_MAX (8u << 20)
#define JSON_FILE_INIT                                                                                                 \
  {                                                                                                                    \
    .limit = JSON_FILE_MAX                                                                                             \
  }

/** Adds nothing when @count is 0. */
void json_file_strings (struct kata_json_writer *json, const char *name, char *const *values, size_t count);
/** Ends the writer and makes the file, which must not be there. 0 or -1 with @fault set; @what is what it is about. */
int json_file_create (struct kata_json_writer *json, const char *path, const char *what, struct fault *fault);

#endif
