/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* service: the agent protocol as a null guest answers it. */
#ifndef KATA_BACKEND_NULL_SERVICE_H
#define KATA_BACKEND_NULL_SERVICE_H

#include <ttrpc/ttrpc.h>

#include "backend/null/guest.h"

/** Its methods' user pointer is a struct null_guest. */
extern const struct ttrpc_method kata_null_service__methods[];

/** Takes @init; FALSE when there is one of this id. With the guest's lock held. */
gboolean kata_null_service__add_container (struct null_guest *guest, const char *id, struct null_process *init);
void kata_null_service__free_container (void *container);

#endif
