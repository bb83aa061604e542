/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: what is asked of a running VM: by acrnctl, which speaks to acrn-dm, and by signals. */
#include "backend/acrn/vm.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "backend/vsock.h"
#include "base/error.h"

#define WAIT_MS  10000
#define SAID_MAX 300

/* acrnctl ends with 0 although it failed: then it says so. Words about other VMs, which it looks at too, are passed over. */
static bool
complains (const char *said, const char *name)
{
  static const char *const words[] = { "Unable to ", "can't find ", "Error happens " };
  g_auto (GStrv) lines = g_strsplit (said, "\n", -1);
  g_autofree char *state = g_strdup_printf ("%s is ", name);
  for (size_t i = 0; lines[i] != NULL; i++) {
    if (g_str_has_prefix (lines[i], state))
      return true;
    for (size_t n = 0; n < G_N_ELEMENTS (words); n++)
      if (g_str_has_prefix (lines[i], words[n]))
        return true;
  }
  return false;
}

int
kata_acrn__control (kata_acrn_vm *vm, const char *verb, const char *argument, int64_t deadline_us, kata_error **err)
{
  const char *const args[] = { verb, vm->name, argument, NULL };
  g_autofree char *said = NULL;
  kata_exit_status status;
  if (vm->control[0] == '\0')
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor.acrn.ctlpath",
                            "acrn: %s: there is no acrnctl on this host; install it or set hypervisor.acrn.ctlpath",
                            verb);
  int64_t until_us = kata_deadline__within (deadline_us, WAIT_MS);
  int code = kata_external__run (&said, &status, vm->control, args, until_us, err);
  if (code < 0)
    return code;
  if (status.code == 0 && status.signal == 0 && !complains (said, vm->name))
    return 0;
  g_autofree char *how = kata_exit_status__text (&status);
  return kata_error__set (err, KATA_E_VMM, "acrnctl", "acrnctl %s %s: %s: %.*s", verb, vm->name, how, SAID_MAX, said);
}

/* The soft limit only, and set once: from then on it only grows, for another process may have given it a longer disk. acrn-dm was started with SIGXFSZ ignored. */
void
kata_acrn__bound (kata_acrn_vm *vm)
{
  struct rlimit limit;
  pid_t pid = (pid_t) vm->base.vmm.identity.pid;
  if (vm->base.vmm.pidfd < 0 || prlimit (pid, RLIMIT_FSIZE, NULL, &limit) != 0)
    return;
  rlim_t wanted = MIN (limit.rlim_max, (rlim_t) vm->file_max);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur >= wanted)
    return;
  limit.rlim_cur = wanted;
  prlimit (pid, RLIMIT_FSIZE, &limit, NULL);
}

/* Once the agent answers, the machine exists, and its memory, which is in files too. */
int
kata_acrn__connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  int code = kata_vsock__connect (handle, out, env, err);
  if (code == 0)
    kata_acrn__bound (handle);
  return code;
}

/* "stop" is the power button. On SIGINT acrn-dm powers the VM off and ends; SIGTERM would only be ignored once the guest has ACPI. */
static int
command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
{
  if (strcmp (name, "stop") == 0)
    return kata_acrn__control ((kata_acrn_vm *) vm, name, NULL, deadline_us, err);
  return kata_pidfd__signal (vm->vmm.pidfd, SIGINT, err);
}

int
kata_acrn__stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, command, "stop", "SIGINT", grace_ms, env, err);
}
