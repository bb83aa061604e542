/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys: from a section to its table. */
#include "config/keys.h"

const struct kata_key *
kata_keys__of (enum kata_key_section section)
{
  static const struct kata_key *const tables[KATA_KEY_SECTIONS] = {
    [KATA_KEY_HYPERVISOR] = kata_keys_hypervisor, [KATA_KEY_FACTORY] = kata_keys_factory,
    [KATA_KEY_AGENT] = kata_keys_agent,           [KATA_KEY_MEM_AGENT] = kata_keys_mem_agent,
    [KATA_KEY_RUNTIME] = kata_keys_runtime,
  };
  return tables[section];
}

const char *
kata_keys__heading (enum kata_key_section section)
{
  static const char *const headings[KATA_KEY_SECTIONS] = {
    [KATA_KEY_HYPERVISOR] = "hypervisor.NAME",     [KATA_KEY_FACTORY] = "factory", [KATA_KEY_AGENT] = "agent.kata",
    [KATA_KEY_MEM_AGENT] = "agent.kata.mem_agent", [KATA_KEY_RUNTIME] = "runtime",
  };
  return headings[section];
}
