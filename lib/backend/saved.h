/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* saved: reads back the JSON that an adapter's save() wrote of a virtual machine; what is in it is the adapter's own. */
#ifndef KATA_BACKEND_SAVED_H
#define KATA_BACKEND_SAVED_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

#include <kata/error.h>

/** The object in @text, json_object_unref(); NULL: there is none, it is too long, or its "version" is not 1. */
JsonObject *kata_saved__parse (const char *text);
/** The member @name, at most @max; false: there is none, or it is something else. */
bool kata_saved__number (JsonObject *saved, const char *name, uint32_t max, uint32_t *out);
/** KATA_E_CORRUPT: what was saved of sandbox @id is not what was written. */
int kata_saved__corrupt (const char *id, kata_error **err);

#endif
