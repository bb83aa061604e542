/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spec: OCI structs and storages as the agent's protobuf messages; it copies no string and sends nothing. */
#ifndef KATA_AGENT_SPEC_H
#define KATA_AGENT_SPEC_H

#include "base/arena.h"
#include "oci/spec.h"
#include "plan/storage.h"
#include "proto/agent.pb-c.h"
#include "proto/oci.pb-c.h"

/*
 * The messages live in @arena and point at the strings of what they were made from: keep both until the request is packed. Never
 * give them to the protobuf-c _free_unpacked functions.
 */
Grpc__Spec *kata_agent_spec__spec (kata_arena *arena, const kata_oci_spec *spec);
Grpc__Process *kata_agent_spec__process (kata_arena *arena, const kata_oci_process *process);
Grpc__LinuxResources *kata_agent_spec__resources (kata_arena *arena, const kata_oci_resources *resources);
/* An array of @n pointers; NULL for none. */
Grpc__Storage **kata_agent_spec__storages (kata_arena *arena, const struct kata_storage *storages, size_t n);
/* Likewise. */
Grpc__Device **kata_agent_spec__devices (kata_arena *arena, const struct kata_guest_device *devices, size_t n);
/* "name param=value …" each; NULL for none. */
Grpc__KernelModule **kata_agent_spec__modules (kata_arena *arena, char *const *modules, size_t *n);

#endif
