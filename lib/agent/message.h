/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message: how the spec files make protobuf messages in an arena; not for other files. */
#ifndef KATA_AGENT_MESSAGE_H
#define KATA_AGENT_MESSAGE_H

#include "base/arena.h"

/* A new message of @Type, initialised by @init (protobuf-c's). */
#define kata_message__new(arena, Type, init)                                                                           \
  ({                                                                                                                   \
    Type *message_ = kata_arena__new0 (arena, Type, 1);                                                                \
    init (message_);                                                                                                   \
    message_;                                                                                                          \
  })

/* A list of strings as protobuf-c wants it; nothing is copied. */
#define kata_message__strv(message, field, strv)                                                                       \
  do {                                                                                                                 \
    (message)->field = (char **) (strv);                                                                               \
    (message)->n_##field = (strv) != NULL ? g_strv_length ((char **) (strv)) : 0;                                      \
  } while (0)

/* A scalar that is there. */
#define kata_message__set(message, field, number)                                                                      \
  do {                                                                                                                 \
    (message)->field = (number);                                                                                       \
    (message)->has_##field = 1;                                                                                        \
  } while (0)

/* A scalar that may be there: @opt has `have` and `value`. */
#define kata_message__set_optional(message, field, opt)                                                                \
  do {                                                                                                                 \
    if ((opt).have)                                                                                                    \
      kata_message__set (message, field, (opt).value);                                                                 \
  } while (0)

#endif
