/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stage: the steps of a sandbox's start, one feature per file in stages/; start.c runs them in the order of the table. */
#ifndef KATA_SANDBOX_STAGE_H
#define KATA_SANDBOX_STAGE_H

#include "sandbox/operation.h"

/**
 * One feature. @enter makes its things, each recorded in the journal before. @leave (nullable) ends in an orderly way what replaying the journal would
 * end by force; the replay follows in any case, and alone does the same after a crash.
 */
struct kata_stage {
  const char *name;
  int (*enter) (struct kata_operation *op, kata_error **err);
  void (*leave) (struct kata_operation *op);
};

extern const struct kata_stage kata_stage__host_devices; /* can the host give them? */
extern const struct kata_stage kata_stage__cgroup;       /* the host's cgroup */
extern const struct kata_stage kata_stage__network;      /* the pod's namespace, taps beside its interfaces */
extern const struct kata_stage kata_stage__interfaces;   /* the guest's interfaces get the pod's addresses and routes */
extern const struct kata_stage kata_stage__shares;       /* the directory that the guest sees */
extern const struct kata_stage kata_stage__contents;     /* of a snapshot: what its containers have on the host */
extern const struct kata_stage kata_stage__vm;           /* the hypervisor and its helpers */
extern const struct kata_stage kata_stage__agent;        /* the agent answers */
extern const struct kata_stage kata_stage__guest;        /* the guest is set up: CreateSandbox, clock, random numbers */

/** Sets the guest's clock and its random numbers. A guest whose agent can do neither runs all the same. */
int kata_stage__refresh_guest (struct kata_operation *op, kata_error **err);
/** What the agent is told about op->state->network. */
int kata_stage__tell_network (struct kata_operation *op, kata_error **err);
/** The agent shall put the guest's interface at @nic out of use: no address, down. */
int kata_stage__retire_interface (struct kata_operation *op, const kata_vm_nic *nic, kata_error **err);
/**
 * Puts a tap beside an interface of the namespace, recorded first, and the device into the plan: from the start for @port 0. Its descriptors are
 * added to the operation's; interface->mac becomes the guest's.
 */
int kata_stage__join (struct kata_operation *op, int netns_fd, struct kata_net_interface *interface, uint32_t port,
                      kata_error **err);
/** A sentence in the log about routes that cannot be handed on. */
void kata_stage__warn_of_routes (struct kata_operation *op, const struct kata_net *net);
/** Starts passt for mode USER: op->state->network and the machine's one device. */
int kata_stage__user_network (struct kata_operation *op, kata_error **err);
/** Reads what mode DAN has in a file: op->state->network and the machine's devices. */
int kata_stage__dan_network (struct kata_operation *op, kata_error **err);
/** Adds a device to the plan that the machine is launched by. Strings live in the state's arena. */
void kata_stage__add_nic (struct kata_operation *op, const kata_vm_nic *nic);

/** In the machine, the state and the guest; 0 leaves a size as it is. */
int kata_sandbox__resize_machine (struct kata_operation *op, kata_link *link, uint32_t vcpus, uint64_t memory_mib,
                                  kata_error **err);

/** The files of the disks that take packed directories. */
int kata_stage__make_packs (struct kata_operation *op, kata_error **err);

/** A path below the sandbox's directory, relative to it; borrowed from @path. */
const char *kata_stage__relative (struct kata_operation *op, const char *path);
/** Records and makes a directory, or an empty file, at a relative path. */
int kata_stage__make (struct kata_operation *op, const char *role, const char *path, bool directory, kata_error **err);

/** What a backend is given, or who starts a helper: each process that it records enters the sandbox's cgroup, if there is one, before it runs. */
kata_backend_env kata_stage__env (struct kata_operation *op);

#endif
