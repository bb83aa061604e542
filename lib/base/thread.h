/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: one of the library's own, which takes no signal: no handler of the caller's process ever runs on it, nor on those that it makes. */
#ifndef KATA_BASE_THREAD_H
#define KATA_BASE_THREAD_H

#include <glib.h>

/** As g_thread_try_new(): NULL and *error where the process is out of threads. */
GThread *kata_thread__new (const char *name, GThreadFunc run, void *data, GError **error);

#endif
