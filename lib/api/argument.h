/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argument: the checks that every public function makes before it does anything. */
#ifndef KATA_API_ARGUMENT_H
#define KATA_API_ARGUMENT_H

#include "base/error.h"

/** Fails with KATA_E_INVALID naming @name unless @ok. */
#define KATA_REQUIRE(ok_, name_, err_)                                                                                 \
  do {                                                                                                                 \
    if (!(ok_))                                                                                                        \
      return kata_error__set ((err_), KATA_E_INVALID, (name_), "%s: argument \"%s\" is wrong: %s", __func__, (name_),  \
                              #ok_);                                                                                   \
  } while (0)

/** The size of a struct whose last field is this one: that of the first release, which is the least that a caller has. */
#define KATA_SIZE_TO(type_, field_) (offsetof (type_, field_) + sizeof (((type_ *) NULL)->field_))

/** Fails with KATA_E_INVALID unless @theirs, whose first member is its size, has @first bytes at least and is zero from @known on. */
int kata_argument__size (const void *theirs, size_t known, size_t first, const char *what, kata_error **err);

/**
 * Copies a caller's options struct, whose first member is its size, into one of ours of @known bytes. A smaller one is from an older program: the
 * rest is zero. A larger one is from a newer program: what we do not know must be zero. One smaller than the @first release's is a mistake.
 * KATA_E_INVALID.
 */
int
kata_argument__options (void *ours, size_t known, size_t first, const void *theirs, const char *what, kata_error **err);

/** A time-out: >= 0, or KATA_TIMEOUT_DEFAULT. */
int kata_argument__timeout (int64_t timeout_ms, kata_error **err);

#endif
