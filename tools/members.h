/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* members: the members of JSON objects by name. */
#ifndef KATACTL_MEMBERS_H
#define KATACTL_MEMBERS_H

#include <json-glib/json-glib.h>

/* Reading JSON that the library gave; all are safe on a missing or wrongly typed member. */
JsonObject *members_parse (const char *json, JsonParser **parser);
const char *members_string (JsonObject *object, const char *name);
int64_t members_int (JsonObject *object, const char *name, int64_t fallback);
int members_bool (JsonObject *object, const char *name);
JsonArray *members_array (JsonObject *object, const char *name);

#endif
