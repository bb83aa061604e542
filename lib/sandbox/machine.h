/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine: a shared reference to a backend's virtual machine, because reads and waits use it while others stop it. */
#ifndef KATA_SANDBOX_MACHINE_H
#define KATA_SANDBOX_MACHINE_H

#include <glib.h>

#include "backend/call.h"

typedef struct kata_machine kata_machine;

/** Takes @vm. */
kata_machine *kata_machine__new (kata_vm *vm);
kata_machine *kata_machine__ref (kata_machine *machine);
kata_machine *kata_machine__unref (kata_machine *machine); /* NULL is fine; the guest goes on */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (kata_machine, kata_machine__unref)

kata_vm *kata_machine__vm (kata_machine *machine);
/** Has the guest ended? Waits for it at most @wait_ms. */
gboolean kata_machine__ended (kata_machine *machine, int wait_ms);

#endif
