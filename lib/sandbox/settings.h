/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settings: the one place where lib/sandbox touches the configuration's loader. */
#ifndef KATA_SANDBOX_SETTINGS_H
#define KATA_SANDBOX_SETTINGS_H

#include "sandbox/runtime.h"

/** The runtime's configuration; warnings go to its log. */
int kata_settings__load (kata_runtime *runtime, const char *path, kata_error **err);
/** A copy with a sandbox's annotations (key, value, …; nullable) merged. KATA_E_PERMISSION, KATA_E_CONFIG. */
int kata_settings__annotate (struct kata_config **out, kata_runtime *runtime, const char *const *annotations,
                             const char *hypervisor, kata_error **err);
void kata_settings__free (struct kata_config *config); /* NULL is fine */
/** Fills runtime->hypervisor, if the caller named none: the configuration's, else the best that runs here; why it is not ours is kept for the caller. */
void kata_settings__choose_hypervisor (kata_runtime *runtime);
/** The backend's name, for a sandbox that names none. */
const char *kata_settings__hypervisor (const kata_runtime *runtime);
/** The file that the configuration came from; "" = built-in defaults. */
const char *kata_settings__path (const kata_runtime *runtime);
/** Where the configured kernel is, and so its manifest; NULL when none is configured. g_free(). */
char *kata_settings__guest_dir (const kata_runtime *runtime);

#endif
