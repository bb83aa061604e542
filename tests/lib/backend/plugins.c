/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugins: small backends that test-plugin loads, one for each WHAT: a good one under two names, and one for each thing that can be wrong with its table. */
#include <kata/sys/backend.h>

#define GOOD       0
#define OTHER      1
#define BIGGER     2
#define SMALLER    3
#define NEWER      4
#define OLDER      5
#define NO_VERB    6
#define TAKEN      7
#define NO_TABLE   8
#define FUNCTION   9
#define TINY       10
#define UNRESOLVED 11

#if WHAT == NO_TABLE
KATA_API const int kata_backend_else = 1;
#elif WHAT == FUNCTION
KATA_API const kata_backend *kata_backend_plugin (void);

const kata_backend *
kata_backend_plugin (void)
{
  return NULL;
}
#elif WHAT == TINY
KATA_API const size_t kata_backend_plugin = sizeof kata_backend_plugin;
#else
#if WHAT == UNRESOLVED
int kata_nobody_has_this (void);
#endif

static int
none (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
#if WHAT == UNRESOLVED
  return kata_nobody_has_this ();
#else
  return KATA_E_UNSUPPORTED;
#endif
}

static int
no_launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  return KATA_E_UNSUPPORTED;
}

static int
no_connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  return KATA_E_UNSUPPORTED;
}

static int
no_stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return 0;
}

static void
no_detach (void *vm)
{
}

KATA_API const kata_backend kata_backend_plugin = {
  .size = sizeof kata_backend_plugin + (WHAT == BIGGER ? 8 : 0) - (WHAT == SMALLER ? 8 : 0),
  .abi = KATA_BACKEND_ABI + (WHAT == NEWER) - (WHAT == OLDER),
  .name = WHAT == TAKEN   ? "qemu"
          : WHAT == OTHER ? "other"
                          : "good",
  .probe = none,
  .launch = no_launch,
  .connect = no_connect,
  .stop = WHAT == NO_VERB ? NULL : no_stop,
  .detach = no_detach,
};
#endif
