/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend: a hypervisor's adapter as it is, but for its question whether this host has KVM: a fake VMM needs none. */
#ifndef KATA_TESTS_FAKES_BACKEND_H
#define KATA_TESTS_FAKES_BACKEND_H

#include <kata/sys/backend.h>

/** "clh", "fc", "stratovirt", "acrn": the adapter under the name "fake-clh", …. NULL: there is none of this name. */
const kata_backend *fake_backend (const char *name);

#endif
