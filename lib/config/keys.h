/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys: the one table of configuration keys: what is read, checked, documented and written as our default file. No GLib: a build tool uses it. */
#ifndef KATA_CONFIG_KEYS_H
#define KATA_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum kata_key_section {
  KATA_KEY_HYPERVISOR, /* [hypervisor.NAME] */
  KATA_KEY_FACTORY,    /* [factory] and [hypervisor.NAME.factory] */
  KATA_KEY_AGENT,      /* [agent.kata] */
  KATA_KEY_MEM_AGENT,  /* [agent.kata.mem_agent] */
  KATA_KEY_RUNTIME,    /* [runtime] */
  KATA_KEY_SECTIONS
};

enum kata_key_type {
  KATA_KEY_BOOL,    /* int32_t */
  KATA_KEY_INT,     /* int64_t */
  KATA_KEY_FLOAT,   /* double; integers are taken too */
  KATA_KEY_STRING,  /* char * */
  KATA_KEY_STRINGS, /* char ** */
  KATA_KEY_TABLE,   /* a table or an array of tables: known, never acted on */
};

enum kata_key_flags {
  KATA_KEY_ANNOTATION = 1,  /* a pod may set it if enable_annotations lists it */
  KATA_KEY_PATH = 2,        /* an absolute path or "" */
  KATA_KEY_SHOWN = 4,       /* stands uncommented in our default configuration.toml */
  KATA_KEY_OURS = 8,        /* libkata's own; Kata does not know it */
  KATA_KEY_GUEST_PATH = 16, /* an absolute path inside the guest or "" */
  KATA_KEY_POWER2 = 32,     /* 0 or a power of two */
};

/** The offset of keys that Kata knows and libkata does not act on: setting one is a warning. */
#define KATA_KEY_UNUSED SIZE_MAX

struct kata_key {
  const char *name;
  const char *alias; /* the other runtime's name for it, or NULL */
  enum kata_key_type type;
  uint32_t flags;
  size_t offset;            /* in the section's struct of config.h, or KATA_KEY_UNUSED */
  double min, max;          /* numbers; both 0 = any */
  const char *const *oneof; /* strings: what is allowed, NULL-terminated, or NULL */
  size_t valid;             /* paths: offset of the list of globs that an annotation's value must match; 0 = none */
  const char *fallback;     /* the default, written as in TOML */
  const char *doc;
};

/** The keys of a section, ending with a row without a name. */
const struct kata_key *kata_keys__of (enum kata_key_section section);
/** Its heading, for example "hypervisor.NAME". */
const char *kata_keys__heading (enum kata_key_section section);

/** Does this hypervisor of libkata's do something with a key of [hypervisor.NAME] that has an offset? True for other people's. */
int kata_keys__acts (const char *hypervisor, const struct kata_key *key);
/** The names of those that do, one by one from 0; "all" alone when there is no exception; NULL = no more. */
const char *kata_keys__acting (const struct kata_key *key, size_t n);

extern const struct kata_key kata_keys_hypervisor[];
extern const struct kata_key kata_keys_factory[];
extern const struct kata_key kata_keys_agent[];
extern const struct kata_key kata_keys_mem_agent[];
extern const struct kata_key kata_keys_runtime[];

#endif
