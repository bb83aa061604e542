/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec-json: the runtime specification as it came over the wire, written as the config.json that crun reads. */
#ifndef AGENT_SPEC_JSON_H
#define AGENT_SPEC_JSON_H

#include "proto/oci.pb-c.h"

#include "fault.h"
#include "json-file.h"

/* What the guest decides itself, whatever the host's specification says. */
struct spec_place {
  const char *cgroups_path; /* below the guest's cgroup root; NULL = say nothing */
  const char *pidns_path;   /* join this one instead of making a new one; NULL = new */
};

/** The whole config.json, with the root file system at "rootfs" in the bundle. 0 or -1 with @fault set. */
int spec_json_config (struct kata_json_writer *json, const Grpc__Spec *spec, const struct spec_place *place,
                      struct fault *fault);

#endif
