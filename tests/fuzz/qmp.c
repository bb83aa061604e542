/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qmp: fuzzes what the QMP client makes of one line of a broken or hostile QEMU. */
#include <stddef.h>
#include <stdint.h>

#include "backend/qmp.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  JsonNode *node = NULL;
  g_autoptr (kata_error) error = NULL;
  int code = kata_qmp__parse (&node, (const char *) data, size, &error);
  g_assert ((code == 0) == (node != NULL) && (code < 0) == (error != NULL));
  if (node != NULL)
    json_node_unref (node);
  return 0;
}
