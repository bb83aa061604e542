/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe-keys: the table of keys that describe.c writes and describe-parse.c reads; what a key means is in machine.h. */
#ifndef KATA_VMM_DESCRIBE_KEYS_H
#define KATA_VMM_DESCRIBE_KEYS_H

#include "vmm/describe.h"

enum vmm_key_kind {
  VMM_KEY_FD,
  VMM_KEY_FDS, /* "7,8,9": the taps of a card; the count is @count_offset's unsigned */
  VMM_KEY_UNSIGNED,
  VMM_KEY_SIGNED,
  VMM_KEY_BOOLEAN,
  VMM_KEY_TEXT,
  VMM_KEY_MAC,
  VMM_KEY_WORD,   /* enum, one of words[] */
  VMM_KEY_LAYERS, /* "landlock,userns" */
};

struct vmm_key {
  const char *name;
  enum vmm_key_kind kind;
  size_t offset; /* in its group's struct */
  size_t width;  /* of the member: 1 to 8 for numbers, the array's size for text */
  uint64_t min, max;
  bool required;
  size_t count_offset;
  const char *const *words; /* NULL-terminated */
};

/** Keys with a common prefix: "" (the machine itself), "vsock." (there or not), "disk.0." (an array). */
struct vmm_key_group {
  const char *name; /* NULL = no prefix */
  const struct vmm_key *keys;
  size_t n_keys;
  size_t offset;                    /* of the struct, or of the array's first */
  size_t present_offset;            /* a bool; 0 = none */
  size_t count_offset, max, stride; /* an array; max 0 = none */
};

#define VMM_KEY_GROUPS   8
#define VMM_KEYS_PER_MAX 32
extern const struct vmm_key_group vmm_key_groups[VMM_KEY_GROUPS];

#endif
