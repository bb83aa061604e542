/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys-factory: the keys of [factory], none of which libkata acts on. */
#include "config/config.h"
#include "config/keys.h"
#include "config/row.h"

#define SECTION struct kata_runtime_config

/* clang-format off: a row is a line */
const struct kata_key kata_keys_factory[] = {
  KNOWN (enable_template, BOOL, 0, "start from a saved virtual machine"),
  KNOWN (template_path, STRING, PATH, "where it is saved"),
  KNOWN (vm_cache_number, INT, 0, "virtual machines kept ready"),
  KNOWN (vm_cache_endpoint, STRING, PATH, "socket of their server"),
  { .name = NULL },
};
/* clang-format on */
