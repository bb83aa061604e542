/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faulty: the name under which its .so gives the backend away; tests in C have it in the program. */
#ifndef KATA_TESTS_FAULTY_H
#define KATA_TESTS_FAULTY_H

#include <kata/sys/backend.h>

/** A backend whose launch fails with the number N of "faulty.code=N" on the guest's command line, and says no more. */
KATA_API extern const kata_backend kata_backend_plugin;

#endif
