/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the check of what a caller says of a container, which a sandbox's options may have too. */
#ifndef KATA_API_CONTAINER_H
#define KATA_API_CONTAINER_H

#include <kata/container.h>

/** A copy of the options of any version. KATA_E_INVALID. */
int kata_api__container_options (kata_container_options *mine, const kata_container_options *options, kata_error **err);

#endif
