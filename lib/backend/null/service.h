/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: the agent protocol as a null guest answers it. */
#ifndef KATA_BACKEND_NULL_SERVICE_H
#define KATA_BACKEND_NULL_SERVICE_H

#include <ttrpc/ttrpc.h>

/** Its methods' user pointer is a struct null_guest. */
extern const struct ttrpc_method kata_null_service__methods[];

void kata_null_service__free_container (void *container);

#endif
