/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manifest: a snapshot's manifest, as somebody else may have written it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "sandbox/snapshot.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autoptr (kata_error) error = NULL;
  struct kata_snapshot_manifest m = { 0 };
  int r = kata_snapshot_manifest__parse (&m, arena, (const char *) data, size, &error);
  if ((r != 0) != (error != NULL) || (r != 0 && r != KATA_E_CORRUPT && r != KATA_E_UNSUPPORTED && r != KATA_E_LIMIT))
    g_error ("a refusal without an error of its kind: %d", r);
  if (r == 0 && (m.format != KATA_SNAPSHOT_FORMAT || m.hypervisor == NULL || m.hypervisor_version == NULL ||
                 kata_id__check ("id", m.id, NULL) != 0))
    g_error ("a manifest was believed that lacks something");
  return 0;
}
