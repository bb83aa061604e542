/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hypervisor: one backend as seen on this host: what it can do, what it cannot and why, and which to choose. */
#ifndef KATA_HYPERVISOR_H
#define KATA_HYPERVISOR_H

#include <kata/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One backend as it was when it was probed; never changes, reference-counted. */
typedef struct kata_hypervisor kata_hypervisor;

/**
 * kata_runtime_list_hypervisors:
 * The names of the registered backends, in order of preference.
 * @out: (out) (transfer full): NULL-terminated; release with kata_strv_free()
 * @runtime: the runtime
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: none are expected
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_runtime_list_hypervisors (char ***out, kata_runtime *runtime, kata_error **err);

/**
 * kata_hypervisor_open:
 * Probe one backend here and now.
 * @out: (out) (transfer full): new reference; untouched on failure
 * @runtime: the runtime
 * @name: "qemu", "null", …
 * @err: (out) (optional): why it failed
 * Returns: 0 (also when the backend can do nothing here) or a negative kata_error_code
 * Errors: KATA_E_NOT_FOUND (no such backend)
 * Threads: any. Blocks: runs the program's --version, at most 10 s. Since: 0.1
 */
KATA_API int kata_hypervisor_open (kata_hypervisor **out, kata_runtime *runtime, const char *name, kata_error **err);

/**
 * kata_hypervisor_ref:
 * Take a reference.
 * @hypervisor: (nullable): the hypervisor
 * Returns: (transfer full): @hypervisor
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_hypervisor *kata_hypervisor_ref (kata_hypervisor *hypervisor);

/**
 * kata_hypervisor_unref:
 * Drop a reference. Dropping the last one releases the handle only: nothing else happens.
 * @hypervisor: (nullable) (transfer full): the hypervisor
 * Returns: NULL
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API kata_hypervisor *kata_hypervisor_unref (kata_hypervisor *hypervisor);

/**
 * kata_hypervisor_unrefp:
 * Drop the reference in a variable, for cleanup attributes.
 * @hypervisor: (inout): the variable; NULL afterwards
 * Returns: nothing
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API void kata_hypervisor_unrefp (kata_hypervisor **hypervisor);

/**
 * kata_hypervisor_get_name:
 * The backend's name.
 * @hypervisor: the hypervisor
 * Returns: (transfer none): owned by @hypervisor
 * Errors: none
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API const char *kata_hypervisor_get_name (const kata_hypervisor *hypervisor);

/**
 * kata_hypervisor_has:
 * Does it have a capability on this host?
 * @hypervisor: the hypervisor
 * @capability: a name, for example "fs-share-virtiofs", "pause", "kvm"; kata_hypervisor_describe() lists them
 * @reason: (out) (optional) (transfer none): why not, owned by @hypervisor; NULL when it has it
 * Returns: 1, 0, or KATA_E_INVALID for an unknown name
 * Errors: KATA_E_INVALID
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_hypervisor_has (const kata_hypervisor *hypervisor, const char *capability, const char **reason);

/**
 * kata_hypervisor_describe:
 * Everything known of it.
 * @json: (out) (transfer full): {"name","version","path","limits":{…},"capabilities":[{"name","have","reason"}]}; release with kata_free()
 * @hypervisor: the hypervisor
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: none are expected
 * Threads: any. Blocks: no. Since: 0.1
 */
KATA_API int kata_hypervisor_describe (char **json, const kata_hypervisor *hypervisor, kata_error **err);

/**
 * kata_hypervisor_recommend:
 * The decision matrix: which backends fit, best first, and why the others do not.
 * @json: (out) (transfer full): an array of {"name","fits","score","reasons":[…]}; release with kata_free()
 * @runtime: the runtime
 * @require: (nullable): NULL-terminated names of capabilities that must be there; "fs-sharing" is any of the ways to share directories
 * @err: (out) (optional): why it failed
 * Returns: 0 or a negative kata_error_code
 * Errors: KATA_E_INVALID (unknown capability, named)
 * Threads: any. Blocks: as kata_hypervisor_open() for each backend. Since: 0.1
 */
KATA_API int
kata_hypervisor_recommend (char **json, kata_runtime *runtime, const char *const *require, kata_error **err);

#ifdef __cplusplus
}
#endif
#endif
