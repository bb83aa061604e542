/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin: a hypervisor backend of a third party, against the public headers alone: docs/backends.md goes through it. Its VMM is any program that takes
   the kernel's command line and the files of disks, and serves the agent on ./vsock.sock by the CONNECT protocol. */
#include <kata/sys/backend.h>
#include <kata/sys/program.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define DISKS_MAX 24

/* Who it is: the library finds it again by that. */
static kata_program
program (const char *const *argv)
{
  kata_program what = KATA_PROGRAM_INIT;
  what.name = "example";
  what.socket = "vsock.sock";
  what.argv = argv;
  return what;
}

/* What is possible here. What is not said to be there is not there; a reason in a user's words helps. */
static int
plugin_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  static const int have[] = { KATA_CAP_RUN,   KATA_CAP_KVM,   KATA_CAP_VSOCK_HYBRID,
                              KATA_CAP_PAUSE, KATA_CAP_BLOCK, KATA_CAP_BLOCK_BY_ORDER };
  if (plan->hypervisor_path == NULL || access (plan->hypervisor_path, X_OK) != 0) {
    snprintf (caps->reason[KATA_CAP_RUN], sizeof caps->reason[0], "hypervisor.example.path: no program; set the key");
    return 0;
  }
  for (size_t i = 0; i < sizeof have / sizeof have[0]; i++)
    caps->have |= UINT64_C (1) << have[i];
  snprintf (caps->path, sizeof caps->path, "%s", plan->hypervisor_path);
  caps->max_vcpus = 1;
  caps->max_memory_mib = 1 << 20;
  return 0;
}

/* The plan in the VMM's words: here its command line and its disks are all that it wants to know. */
static int
plugin_launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  const char *argv[2 + 2 * DISKS_MAX + 1] = { plan->hypervisor_path, plan->cmdline };
  size_t n = 2;
  for (size_t i = 0; plan->disks != NULL && plan->disks[i] != NULL; i++) {
    if (i == DISKS_MAX)
      return KATA_E_LIMIT;
    argv[n++] = plan->disks[i]->readonly ? "read" : "write";
    argv[n++] = plan->disks[i]->path;
  }
  const kata_program what = program (argv);
  return kata_program_launch (vm, plan, &what, env, err);
}

static int
plugin_attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  const kata_program what = program (NULL);
  return kata_program_attach (vm, plan, &what, saved, err);
}

/* A VMM that has a pause of its own is asked for it; any process can be stopped. */
static int
plugin_pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return kata_program_signal (vm, SIGSTOP, err);
}

static int
plugin_resume (void *vm, const kata_backend_env *env, kata_error **err)
{
  return kata_program_signal (vm, SIGCONT, err);
}

/* The one name that the library looks for in the .so. */
KATA_API const kata_backend kata_backend_plugin = {
  .size = sizeof kata_backend_plugin,
  .abi = KATA_BACKEND_ABI,
  .name = "example",
  .probe = plugin_probe,
  .launch = plugin_launch,
  .save = kata_program_save,
  .attach = plugin_attach,
  .connect = kata_program_connect,
  .pause = plugin_pause,
  .resume = plugin_resume,
  .stop = kata_program_stop,
  .exit_fd = kata_program_exit_fd,
  .why = kata_program_why,
  .pids = kata_program_pids,
  .detach = kata_program_detach,
};
