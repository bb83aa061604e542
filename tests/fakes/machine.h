/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: a null guest with its agent, behind a vsock socket of the CONNECT protocol: what a fake VMM runs. It knows no API. */
#ifndef KATA_TESTS_FAKES_MACHINE_H
#define KATA_TESTS_FAKES_MACHINE_H

#include <stdbool.h>

#include "backend/null/guest.h"

/** @vsock: a listening socket. The process ends with the guest, with code 0. NULL on failure. */
struct null_guest *fake_machine_start (const char *cmdline, int vsock_fd);
/** The same; *way: its connections, which live as long as the process. */
struct null_guest *fake_machine_start_way (const char *cmdline, int vsock_fd, void **way);
/** The guest is to lose the connections that are there now at the next reset, and not those made since. */
void fake_machine_doom (void *way);
/**
 * The guest loses them. @how (nullable): "silent" = the host is not told until it writes; afterwards "deaf" = new ones are accepted and hear nothing,
 * "hang-up" = they end at once.
 */
void fake_machine_reset (void *way, const char *how);
void fake_machine_pause (struct null_guest *guest, bool paused);
/** How many vCPUs its agent finds. */
void fake_machine_size (struct null_guest *guest, unsigned vcpus);
/** As if the guest had powered off. */
void fake_machine_end (struct null_guest *guest);

#endif
