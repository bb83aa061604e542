/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fc-machine: what a fake Firecracker keeps of a machine: its drives and its vsock, as GET /vm/config tells them; and both in a snapshot's files. */
#ifndef KATA_TESTS_FAKES_FC_MACHINE_H
#define KATA_TESTS_FAKES_FC_MACHINE_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

/** {"drives": […], "vsock": {…}, "cmdline": "…"}; a new one has none of it. */
JsonObject *fc_machine_new (void);

/** NULL, or why not; g_free(). Each of these. @jailed: absolute paths are below the current directory. */
char *fc_machine_add_drive (JsonObject *machine, JsonObject *drive, bool jailed);
/** The body of a PATCH. */
char *fc_machine_patch_drive (JsonObject *machine, JsonObject *change, bool jailed);
char *fc_machine_save (JsonObject *machine, JsonObject *params, const char *guest, bool jailed);
/** *guest: what was kept of it; g_free(). Opens the drives. */
char *fc_machine_load (JsonObject **machine, char **guest, JsonObject *params, bool jailed);

/** As GET /vm/config tells it; g_free(). */
char *fc_machine_text (JsonObject *machine);

/** @path, below the current directory if @jailed; g_free(). */
char *fc_machine_place (const char *path, bool jailed);

#endif
