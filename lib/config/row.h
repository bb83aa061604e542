/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* row: how the key tables write a row; only they include it, after defining SECTION as the struct their fields are in. */
#ifndef KATA_CONFIG_ROW_H
#define KATA_CONFIG_ROW_H

#define ANN   KATA_KEY_ANNOTATION
#define PATH  KATA_KEY_PATH
#define SHOWN KATA_KEY_SHOWN
#define OURS  KATA_KEY_OURS
#define GUEST KATA_KEY_GUEST_PATH
#define POW2  KATA_KEY_POWER2

/** A key that libkata acts on; the rest of the arguments are designated initialisers (.alias, .min and .max, .oneof, .valid). */
#define USED(key, kind, marks, default_text, text, ...)                                                                \
  {                                                                                                                    \
    .name = #key, .type = KATA_KEY_##kind, .flags = (marks), .offset = offsetof (SECTION, key),                        \
    .fallback = default_text, .doc = text, ##__VA_ARGS__                                                               \
  }

/** A key that Kata knows and libkata does not act on. */
#define KNOWN(key, kind, marks, text, ...)                                                                             \
  {                                                                                                                    \
    .name = #key, .type = KATA_KEY_##kind, .flags = (marks), .offset = KATA_KEY_UNUSED, .doc = text, ##__VA_ARGS__     \
  }

#endif
