/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: a configuration text into a kata_config under construction; private to lib/config. */
#ifndef KATA_CONFIG_TEXT_H
#define KATA_CONFIG_TEXT_H

#include "config/load.h"
#include "config/store.h"

/** Later texts replace single keys of earlier ones. On failure @config is half changed and only good to be dropped. */
int kata_config__read_text (kata_config *config, const char *name, const char *text, size_t len, GPtrArray *warnings,
                            kata_error **err);

#endif
