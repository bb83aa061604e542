/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load: configuration files into a kata_config; annotations are annotations.h's. */
#ifndef KATA_CONFIG_LOAD_H
#define KATA_CONFIG_LOAD_H

#include <glib.h>

#include "base/error.h"
#include "config/config.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_config, kata_config__unref)

#define KATA_CONFIG_BYTES_MAX   (1u << 20) /* one file */
#define KATA_CONFIG_DROPINS_MAX 128

/** Where Kata looks, first match wins; NULL-terminated. */
extern const char *const kata_config__search_path[];

/**
 * Reads @path, or the first file of @search that exists (none: built-in defaults), then the regular files of `config.d/` beside it in
 * order of their names. @warnings (nullable) receives new strings: unknown keys, keys we do not act on.
 * KATA_E_CONFIG (key = the key), KATA_E_NOT_FOUND, KATA_E_LIMIT, KATA_E_IO.
 */
int kata_config__load (kata_config **out, const char *path, const char *const *search, GPtrArray *warnings,
                       kata_error **err);

/** One text over the defaults; @name stands for its file in messages. */
int kata_config__parse (kata_config **out, const char *name, const char *text, size_t len, GPtrArray *warnings,
                        kata_error **err);

#endif
