/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* disk: the steps of adding a disk to a sandbox and of removing it, and their order, which a crash at any point leaves repairable. */
#ifndef KATA_SANDBOX_DISK_H
#define KATA_SANDBOX_DISK_H

#include "sandbox/stage.h"

/** Of the plan's ports that would take @disk one that no disk is in, from 1; 0 = none is left. */
uint32_t kata_sandbox_disk__free_port (const kata_sandbox_state *state, const kata_vm_disk *disk);

/** By its id among those that containers can name; NULL. */
const kata_vm_disk *kata_sandbox_disk__find (const kata_sandbox_state *state, const char *id);

/** Likewise among those whose coming or going was not finished. */
const kata_vm_disk *kata_sandbox_disk__half (const kata_sandbox_state *state, const char *id);

/** Into the plan of a machine that was not launched yet, or out of it; the state is saved. */
int kata_sandbox_disk__plan (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err);
int kata_sandbox_disk__forget (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err);

/**
 * Into the port of a running machine that it names. The state that says so is saved before the machine changes; on failure nothing is left of it, or the
 * state says what is.
 */
int kata_sandbox_disk__add (struct kata_operation *op, kata_vm_disk *disk, kata_error **err);
/** Out of a running machine. Until the guest has let go of it, its port is taken and no container can name it. */
int kata_sandbox_disk__remove (struct kata_operation *op, const kata_vm_disk *disk, kata_error **err);
/** Takes out what a call that failed, or whose process died, has left. What the guest still holds stays where it is, with a word in the log. */
void kata_sandbox_disk__mend (struct kata_operation *op);

/* ---- disk-change.c ---- */
/** After all checks: a disk, whose strings are the state's, into a free port of a running machine. */
int kata_sandbox_disk__plug (struct kata_operation *op, kata_vm_disk *disk, kata_error **err);

#endif
