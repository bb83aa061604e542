/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registry: which hypervisor backends a runtime has; built-in ones in a fixed order, then those the program added. Calls go through call.h. */
#ifndef KATA_BACKEND_REGISTRY_H
#define KATA_BACKEND_REGISTRY_H

#include <kata/sys/backend.h>

/** A registered backend: a copy of its table, clamped to what we know, in which no verb is NULL. Lives as long as its registry. */
typedef struct kata_backend_entry {
  kata_backend backend;
  void *runtime_data; /* what open() returned */
} kata_backend_entry;

/** The backends of one runtime. Thread-safe. */
typedef struct kata_registry kata_registry;

/** A registry with the built-in backends. */
int kata_registry__new (kata_registry **out, kata_error **err);
/** Closes all backends; NULL is fine. */
void kata_registry__free (kata_registry *registry);

/** Adds a program's own backend, which must outlive the registry. KATA_E_INVALID: size, ABI number, name or a needed verb; KATA_E_EXISTS. */
int kata_registry__add (kata_registry *registry, const kata_backend *backend, kata_error **err);

/** By name; the first use calls its open(). KATA_E_NOT_FOUND names those that exist. */
int kata_registry__find (const kata_backend_entry **out, kata_registry *registry, const char *name, kata_error **err);

/** Keeps the promise "error set exactly when failed", whatever a third party's backend @name has answered to @verb: @code, and @got, which is taken. */
int kata_registry__settle (const char *name, const char *verb, int code, kata_error *got, kata_error **err);

/** Names in order of preference, NULL-terminated; g_strfreev(). */
char **kata_registry__names (kata_registry *registry);

/** The built-in backends. */
extern const kata_backend kata_backend_builtin;
extern const kata_backend kata_backend_null;
extern const kata_backend kata_backend_qemu;
extern const kata_backend kata_backend_clh;
extern const kata_backend kata_backend_fc;
extern const kata_backend kata_backend_stratovirt;
extern const kata_backend kata_backend_acrn;

#endif
