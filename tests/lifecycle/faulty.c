/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faulty: a backend of a third party, against the public headers alone, that starts nothing: it fails as the guest's command line asks for. */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

#define CODE "faulty.code="

static int
faulty_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  static const int have[] = { KATA_CAP_RUN, KATA_CAP_KVM, KATA_CAP_VSOCK_HYBRID, KATA_CAP_FS_SHARE_VIRTIOFS };
  for (size_t i = 0; i < sizeof have / sizeof have[0]; i++)
    caps->have |= UINT64_C (1) << have[i];
  caps->max_vcpus = 1;
  caps->max_memory_mib = 1 << 20;
  return 0;
}

static int
faulty_launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  const char *code = plan->cmdline != NULL ? strstr (plan->cmdline, CODE) : NULL;
  return code != NULL ? atoi (code + strlen (CODE)) : KATA_E_UNSUPPORTED;
}

/* A launch that fails leaves nothing to connect to, to stop or to let go of. */
static int
faulty_connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  return KATA_E_STATE;
}

static int
faulty_stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return 0;
}

static void
faulty_detach (void *vm)
{
}

const kata_backend kata_backend_plugin = {
  .size = sizeof kata_backend_plugin,
  .abi = KATA_BACKEND_ABI,
  .name = "faulty",
  .probe = faulty_probe,
  .launch = faulty_launch,
  .connect = faulty_connect,
  .stop = faulty_stop,
  .detach = faulty_detach,
};
