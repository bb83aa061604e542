/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place: which sandbox a container belongs in, by its annotations; reads a specification, changes nothing. */
#ifndef KATA_OCI_PLACE_H
#define KATA_OCI_PLACE_H

#include <kata/placement.h>

#include "oci/spec.h"

/** Fills all of @out but its size. KATA_E_SPEC with key = JSON path. */
int kata_oci__place (kata_placement *out, const kata_oci_spec *spec, const char *container_id, kata_error **err);

#endif
