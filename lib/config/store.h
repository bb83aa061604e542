/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store: how values get into the structs of config.h by way of the key table; private to lib/config. */
#ifndef KATA_CONFIG_STORE_H
#define KATA_CONFIG_STORE_H

#include <glib.h>
#include <toml/toml.h>

#include "base/error.h"
#include "config/config.h"
#include "config/keys.h"

struct kata_config {
  gint refs;
  char *path;
  GPtrArray *files;
  GHashTable *hypervisors; /* name → struct kata_hypervisor_config */
  struct kata_hypervisor_config *fallback;
  char *only_hypervisor; /* the files' table, "" = none or several */
  gboolean many_hypervisors;
  struct kata_agent_config agent;
  struct kata_runtime_config runtime;
};

#define KATA_HYPERVISOR_NAME_MAX 32

kata_config *kata_config__new (void);
/** Kata's longer names of a hypervisor: "firecracker" is "fc", "cloud-hypervisor" is "clh"; any other is @name itself. */
const char *kata_config__canonical_name (const char *name);
/** What only the whole shows, once all texts are read. */
int kata_config__check (const kata_config *config, kata_error **err);
kata_config *kata_config__copy (const kata_config *config);
/** The table of @name, made from the defaults when it is new. */
struct kata_hypervisor_config *kata_config__add_hypervisor (kata_config *config, const char *name);

/** The row of @name (or alias) in a section, or NULL. */
const struct kata_key *kata_store__find (enum kata_key_section section, const char *name);
/** The name of the section that is most like @name, or NULL when none is near. */
const char *kata_store__nearest (enum kata_key_section section, const char *name);
/** What may be set, for messages: "a number from 1 to 240", `one of "a", "b"`. */
char *kata_store__allowed (const struct kata_key *key);

/** Checks @value against the row and puts it into @base (the section's struct). @where begins the message. */
int kata_store__set (void *base, const struct kata_key *key, const char *full_key, const char *where,
                     const toml_value *value, kata_error **err);
/** The same from an annotation's text. */
int
kata_store__set_text (void *base, const struct kata_key *key, const char *full_key, const char *text, kata_error **err);

void kata_store__init (void *base, enum kata_key_section section);
void kata_store__copy (void *to, const void *from, enum kata_key_section section);
void kata_store__clear (void *base, enum kata_key_section section);

#endif
