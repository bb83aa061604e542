/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: base/raise.h for code that uses GLib: g_autoptr (kata_error). */
#ifndef KATA_BASE_ERROR_H
#define KATA_BASE_ERROR_H

#include <glib.h>

#include "base/raise.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_error, kata_error_unref)

#endif
