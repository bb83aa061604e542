/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux-json: the "linux" object of a config.json and its "resources", which `crun update` reads too. */
#ifndef AGENT_LINUX_JSON_H
#define AGENT_LINUX_JSON_H

#include "spec-json.h"

/** 0 or -1 with @fault set. @linux_ may be NULL. */
int linux_json (struct kata_json_writer *json, const Grpc__Linux *linux_, const struct spec_place *place,
                struct fault *fault);
void resources_json (struct kata_json_writer *json, const char *key, const Grpc__LinuxResources *resources);

#endif
