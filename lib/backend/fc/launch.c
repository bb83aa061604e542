/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: starts Firecracker, by its jailer or without, in the pod's network namespace, and sends it the requests. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/fc/check.h"
#include "backend/fc/jail.h"
#include "backend/fc/vm.h"
#include "base/error.h"
#include "base/fd.h"

/* Before 1.16 nothing slows a guest's console: a guest that prints so much ends its VM (SIGXFSZ) instead of filling the host's disk. */
#define CONSOLE_MAX (64u << 20)

struct launch {
  kata_external_vm *vm;
  const kata_vm_plan *plan;
  const kata_backend_env *env;
  const char *dir; /* of a snapshot; NULL = none */
  struct kata_fc_facts facts;
  struct kata_fc_jail jail;
  char *program, *jailer;
  char **argv;
};

/* It makes the sockets itself. */
static int
record_files (struct launch *l, kata_error **err)
{
  static const char *const names[] = { KATA_FC_API_SOCKET, KATA_FC_VSOCK_SOCKET, KATA_FC_METRICS };
  int code = 0;
  for (size_t i = 0; code == 0 && i < G_N_ELEMENTS (names); i++)
    code = kata_external__record_file (l->vm->dir, names[i], l->env, err);
  return code;
}

/* Debian's kernels are bzImages; before 1.17 only ELF is loaded. */
static int
check_kernel (const struct launch *l, kata_error **err)
{
  char magic[4] = "";
  kata_auto_fd int fd = open (l->plan->kernel, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (kata_fc__at_least (&l->facts, 1, 17))
    return 0;
  if (fd < 0 || read (fd, magic, sizeof magic) != sizeof magic)
    return kata_error__errno (err, KATA_E_GUEST, "hypervisor.fc.kernel", fd < 0 ? errno : EINVAL,
                              "hypervisor.fc.kernel: read \"%s\"", l->plan->kernel);
  if (memcmp (magic, "\177ELF", sizeof magic) == 0)
    return 0;
  return kata_error__set (err, KATA_E_GUEST, "hypervisor.fc.kernel",
                          "hypervisor.fc.kernel: \"%s\" is no ELF file, and Firecracker %u.%u loads nothing else (1.17 "
                          "and later do); name a vmlinux",
                          l->plan->kernel, l->facts.version[0], l->facts.version[1]);
}

void
kata_fc__describe (kata_fc_vm *vm, const kata_vm_plan *plan, const char *program)
{
  bool own = plan->hypervisor_path != NULL && plan->hypervisor_path[0] != '\0';
  vm->places = kata_fc__places (plan);
  vm->vcpus = plan->vcpus;
  vm->memory_mib = plan->memory_mib;
  vm->room_mib = kata_fc__room_mib (plan);
  vm->uid = plan->jailer_uid;
  vm->gid = plan->jailer_gid;
  if (plan->jailer_path == NULL || plan->jailer_path[0] == '\0')
    return;
  g_autofree char *root = kata_fc__jail_root (plan, program != NULL ? program
                                                    : own           ? plan->hypervisor_path
                                                                    : "firecracker");
  g_strlcpy (vm->root, root, sizeof vm->root); /* of names of at most 255 and 64 bytes */
}

/* What it cannot exceed stays what it was: a disk that comes later raises the limit. */
static void
bound_console (const struct launch *l)
{
  struct rlimit limit;
  if (kata_fc__at_least (&l->facts, 1, 16) ||
      prlimit ((pid_t) l->vm->vmm.identity.pid, RLIMIT_FSIZE, NULL, &limit) != 0)
    return;
  limit.rlim_cur = MIN (limit.rlim_max, CONSOLE_MAX);
  for (size_t i = 0; l->plan->disks != NULL && l->plan->disks[i] != NULL; i++)
    if (!l->plan->disks[i]->readonly)
      return; /* the limit would be the disks' too */
  prlimit ((pid_t) l->vm->vmm.identity.pid, RLIMIT_FSIZE, &limit, NULL);
}

static int
drive (struct launch *l, const GPtrArray *requests, kata_error **err)
{
  int64_t deadline_us = l->env->deadline_us;
  int code = kata_fc__jail_publish (&l->jail, l->vm, KATA_FC_API_SOCKET, deadline_us, err);
  if (code == 0)
    code = kata_fc__await (l->vm, deadline_us, err);
  if (code == 0)
    bound_console (l);
  if (code == 0 && l->dir != NULL)
    code = kata_fc__take ((kata_fc_vm *) l->vm, requests, l->dir, l->env, err);
  for (guint i = 0; code == 0 && l->dir == NULL && i < requests->len; i++)
    code = kata_fc__ask (l->vm, g_ptr_array_index (requests, i), deadline_us, err);
  return code < 0 ? code : kata_fc__jail_publish (&l->jail, l->vm, KATA_FC_VSOCK_SOCKET, deadline_us, err);
}

static int
start (struct launch *l, kata_error **err)
{
  g_autoptr (GPtrArray) requests = NULL;
  int code = check_kernel (l, err);
  if (code == 0)
    code = kata_fc__requests (&requests, l->plan, &l->facts, err);
  if (code == 0)
    code = record_files (l, err);
  if (code == 0)
    code = kata_external_vm__make_logs (l->vm, l->env, err);
  if (code == 0 && l->facts.jailed)
    code = kata_fc__jail_make (&l->jail, l->vm, l->plan, l->program, l->env, err);
  if (code == 0)
    code = kata_fc__make_places ((kata_fc_vm *) l->vm, l->env, err);
  if (code == 0)
    code = kata_fc__make_metrics (l->vm, &l->jail, l->plan, err);
  if (code < 0)
    return code;
  l->argv = kata_fc__argv (l->plan, l->program, l->jailer);
  code = kata_external_vm__spawn_there (l->vm, l->plan, l->argv, NULL, 0, l->env, err);
  return code < 0 ? code : drive (l, requests, err);
}

static int
launch (struct launch *l, kata_error **err)
{
  void *made = NULL;
  int code = kata_external_vm__check_files (&kata_fc_kind, l->plan, true, err);
  if (code == 0)
    code = kata_fc__find (&l->program, l->facts.version, l->plan, err);
  if (code == 0)
    code = kata_fc__find_jailer (&l->jailer, l->plan, err);
  l->facts.jailed = l->jailer != NULL;
  const kata_external_kind *kind = kata_fc__at_least (&l->facts, 1, 14) ? &kata_fc_kind : &kata_fc_kind_stdout;
  if (code == 0)
    code = kata_external_vm__new (&made, sizeof (kata_fc_vm), kind, l->plan, err);
  l->vm = made;
  if (code == 0)
    kata_fc__describe (made, l->plan, l->program);
  return code < 0 ? code : start (l, err);
}

int
kata_fc__start (void **out, const kata_vm_plan *plan, const char *dir, const kata_backend_env *env, kata_error **err)
{
  struct launch l = { .plan = plan, .env = env, .dir = dir, .jail = { -1 } };
  int64_t begun = kata_deadline__now ();
  int code = launch (&l, err);
  kata_fc__jail_clear (&l.jail);
  g_free (l.program);
  g_free (l.jailer);
  g_strfreev (l.argv);
  if (code < 0) {
    if (l.vm != NULL) {
      kata_external_vm__discard (l.vm);
      kata_external_vm__detach (l.vm);
    }
    return code;
  }
  kata_external__debug (env, "fc: the machine of process %lld runs after %lld ms", (long long) l.vm->vmm.identity.pid,
                        (long long) (kata_deadline__now () - begun) / 1000);
  *out = l.vm;
  return 0;
}

int
kata_fc__launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  return kata_fc__start (vm, plan, NULL, env, err);
}
