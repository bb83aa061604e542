/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stratovirt-disk: blockdev-add, device_add and device_del as StratoVirt's docs/qmp.md has them, for the four places of microvm. */
#ifndef KATA_TESTS_FAKES_STRATOVIRT_DISK_H
#define KATA_TESTS_FAKES_STRATOVIRT_DISK_H

#include <json-glib/json-glib.h>

#include "schema.h"
#include "stratovirt-argv.h"

/** Of the commands' arguments: "blockdev-add", "device_add", "device_del"; ends with a field of no object. */
extern const struct schema_field stratovirt_disk_schema[];

/* NULL, or what is wrong; g_free(). The arguments keep to the schema. */
char *stratovirt_blockdev_add (struct stratovirt_machine *machine, JsonObject *given);
char *stratovirt_device_add (struct stratovirt_machine *machine, JsonObject *given);
char *stratovirt_device_del (struct stratovirt_machine *machine, JsonObject *given);

#endif
