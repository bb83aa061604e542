/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the reader of HTTP requests and of queries: what it accepts is whole, ends, and is read the same when it comes in pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/http.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
need (int holds)
{
  if (!holds)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  http_request request, shorter;
  char value[64];
  /* A copy without a NUL behind it: reading beyond the end is seen. */
  char *bytes = malloc (size > 0 ? size : 1);
  memcpy (bytes, data, size);
  int status = http_parse (&request, bytes, size);
  need (status == 0 || status == 200 || (status >= 400 && status < 600));
  if (status == 200) {
    need (request.path[0] == '/' && memchr (request.path, 0, sizeof request.path) != NULL);
    need (memchr (request.query, 0, sizeof request.query) != NULL &&
          memchr (request.host, 0, sizeof request.host) != NULL);
    int found = http_query (request.query, "sandbox", value, sizeof value);
    need (found <= 0 || strlen (value) < sizeof value);
    need (strcmp (http_reason (status), "OK") == 0);
  }
  /* Before the end of the head nothing is accepted. */
  for (size_t n = size < 256 ? size : 256; status == 200 && n-- > 0;) {
    int early = http_parse (&shorter, bytes, n);
    need (early == 0 || strstr ((char *) shorter.path, "/") == shorter.path || early != 200);
  }
  free (bytes);
  return 0;
}
