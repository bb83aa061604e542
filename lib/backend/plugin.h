/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin: a third party's backend out of a .so that the program names; nothing else in the library loads code. */
#ifndef KATA_BACKEND_PLUGIN_H
#define KATA_BACKEND_PLUGIN_H

#include "backend/registry.h"

/** As kata_runtime_load_backend(). */
int kata_plugin__load (kata_registry *registry, const char *path, kata_error **err);

#endif
