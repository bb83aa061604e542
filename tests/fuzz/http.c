/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http: the head of what a VMM's API answers. */
#include <stdlib.h>

#include "backend/http.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct kata_http_head head;
  kata_error *error = NULL;
  int r = kata_http__parse_head (&head, (const char *) data, size, &error);
  if ((r < 0) != (error != NULL) || r > 1 || (r == 1 && (head.head_len > size || head.body_len > KATA_HTTP_BODY_MAX)))
    abort ();
  kata_error_unref (error);
  return 0;
}
