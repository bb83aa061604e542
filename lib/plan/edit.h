/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* edit: what the files that make a container's plan share; not for other layers. */
#ifndef KATA_PLAN_EDIT_H
#define KATA_PLAN_EDIT_H

#include "plan/container.h"

struct kata_plan_edit {
  kata_container_plan *out;
  kata_arena *arena; /* of @out->spec: its strings live as long as the specification */
  kata_oci_spec *spec;
  const kata_plan *plan;
  const kata_container_options *options;    /* (nullable) */
  const struct kata_container_facts *facts; /* (nullable) */
  GPtrArray *warnings;
};

/* Steps; each returns 0 or a negative kata_error_code. */
int kata_plan__edit_root (struct kata_plan_edit *e, kata_error **err);
int kata_plan__edit_mounts (struct kata_plan_edit *e, kata_error **err);
int kata_plan__edit_process (struct kata_plan_edit *e, kata_error **err);
int kata_plan__edit_linux (struct kata_plan_edit *e, kata_error **err);
/* Is it the file of an IOMMU group whose devices the guest has? Then its own drivers have them, and the file does not travel. */
bool kata_plan__gives_group (const kata_plan *plan, const char *path);
int kata_plan__edit_devices (struct kata_plan_edit *e, kata_error **err);

void kata_plan__edit_warn (struct kata_plan_edit *e, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Adds a share and returns where the guest sees it; NULL with an error if nothing can be shared. @key: JSON path. */
const char *
kata_plan__add_share (struct kata_plan_edit *e, const struct kata_share *share, const char *key, kata_error **err);
/* An absolute, clean path of the host; a relative one is below the bundle. NULL with an error. */
const char *kata_plan__host_path (struct kata_plan_edit *e, const char *path, const char *key, kata_error **err);
/* One that disks are mounted by. */
int kata_plan__check_fstype (const char *key, const char *fstype, kata_error **err);
bool kata_plan__is_below (const char *path, const char *dir);

#endif
