/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-snapshot: the files that a fake Cloud Hypervisor keeps its guest in. */
#ifndef KATA_TESTS_FAKES_CLH_SNAPSHOT_H
#define KATA_TESTS_FAKES_CLH_SNAPSHOT_H

#include <json-glib/json-glib.h>

#include "backend/null/guest.h"

/** NULL, or why not; g_free(). @url: "file://…", an existing directory. */
char *clh_snapshot_save (const char *url, JsonNode *config, struct null_guest *guest);
/** The VmConfig that is in there, with the paths in it looked at, and the guest's text. */
char *clh_snapshot_load (const char *url, JsonNode **config, char **guest);

#endif
