/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hotplug: what coming and going have in common for the devices of a running machine, whatever they are. */
#ifndef KATA_BACKEND_QEMU_HOTPLUG_H
#define KATA_BACKEND_QEMU_HOTPLUG_H

#include "backend/qemu/vm.h"
#include "backend/qmp.h"

/** JSON's members. */
void kata_qemu__set_text (JsonBuilder *builder, const char *name, const char *value);
void kata_qemu__set_bool (JsonBuilder *builder, const char *name, bool value);
void kata_qemu__set_number (JsonBuilder *builder, const char *name, uint32_t value);
/** Ends the object; its text, g_free(). */
char *kata_qemu__finish (JsonBuilder *builder);

/** A connection; @doing is for the error that says that the machine has ended. */
int kata_qemu__open_qmp (kata_qmp **out, kata_qemu_vm *vm, const char *doing, int64_t deadline_us, kata_error **err);

/** QEMU itself says no to @command, the error's key; one that hangs up has none. */
bool kata_qemu__refused (const kata_error *error, const char *command);

/**
 * The guest is asked to let go of the device @device and has to answer: it goes when the guest ejects it, for which it has @limit_ms. One that is not
 * there is no failure. @what and @name are for the error: "disk", "data".
 */
int kata_qemu__release (kata_qmp *qmp, const char *device, const char *what, const char *name, int limit_ms,
                        int64_t deadline_us, kata_error **err);

#endif
