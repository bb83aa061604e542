/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network: devices that a running guest gets and loses; refresh.c says which. */
#ifndef KATA_SANDBOX_NETWORK_H
#define KATA_SANDBOX_NETWORK_H

#include "sandbox/stage.h"

/** Of the plan's ports one that no device is in, from 1; 0 = none is left. */
uint32_t kata_sandbox_network__free_port (const kata_vm_plan *plan);

/**
 * A device for an interface of the namespace: the tap beside it and the device in the machine. The state that says so is saved before the machine
 * changes. On failure nothing is left of it, or what is left is in the state and the journal.
 */
int kata_sandbox_network__add (struct kata_operation *op, int netns_fd, struct kata_net_interface *interface,
                               kata_error **err);
/** Takes @nic from the guest and the machine, undoes what was made for it, forgets it and saves. What is there from the start stays, unused. */
int kata_sandbox_network__remove (struct kata_operation *op, const kata_vm_nic *nic, kata_error **err);

#endif
