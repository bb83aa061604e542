/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* placement: the public function of kata_placement; checks, then lib/oci. */
#include <kata/placement.h>

#include <string.h>

#include "api/argument.h"
#include "oci/place.h"

/* The struct of version 0.1; a later one is only longer. */
#define PLACEMENT_MIN KATA_SIZE_TO (kata_placement, cgroup)

int
kata_placement_read (kata_placement *placement, const char *config_json, const char *container_id, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  KATA_REQUIRE (placement != NULL && placement->size >= PLACEMENT_MIN, "placement", err);
  KATA_REQUIRE (config_json != NULL, "config_json", err);
  KATA_REQUIRE (container_id != NULL, "container_id", err);
  int rc = kata_oci_spec__parse (&spec, config_json, strlen (config_json), err);
  if (rc < 0)
    return rc;
  g_autofree kata_placement *mine = g_new0 (kata_placement, 1);
  rc = kata_oci__place (mine, spec, container_id, err);
  if (rc < 0)
    return rc;
  mine->size = placement->size;
  memcpy (placement, mine, MIN (placement->size, sizeof *mine));
  return 0;
}
