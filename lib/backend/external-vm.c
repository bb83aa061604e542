/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-vm: processes, their end and its reason, and the way to the agent, alike for all VMMs that are programs. */
#include "backend/external-vm.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "backend/hybrid.h"
#include "backend/saved.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "base/fd.h"
#include "host/netns.h"

#define RETRY_MS  10
#define QUIT_MS   2000
#define HELPER_MS 2000
#define PRESS_MS  1000 /* how long the guest is left alone before the power button, and between presses */

int
kata_external_vm__new (void **out, size_t size, const kata_external_kind *kind, const kata_vm_plan *plan,
                       kata_error **err)
{
  g_autoptr (kata_external_vm) vm = g_malloc0 (size);
  vm->kind = kind;
  vm->dir = g_strdup (plan->dir);
  vm->dir_fd = vm->gone_fd = vm->stop_fd = vm->log_fd = vm->console_fd = vm->vmm.pidfd = vm->virtiofsd.pidfd = -1;
  vm->port = plan->agent_port;
  vm->locks_memory = (plan->host_devices != NULL && plan->host_devices[0] != NULL) || plan->host_ports != 0;
  g_mutex_init (&vm->lock);
  int code = kata_external__open_dir (&vm->dir_fd, plan->dir, err);
  if (code == 0)
    *out = g_steal_pointer (&vm);
  return code;
}

void
kata_external_vm__detach (void *handle)
{
  kata_external_vm *vm = handle;
  if (vm == NULL)
    return;
  kata_external_vm__unwatch (vm);
  kata_external_vm__ended (vm); /* leaves no zombie of a VM that ended unseen */
  kata_backend_process__clear (&vm->vmm);
  kata_backend_process__clear (&vm->virtiofsd);
  kata_fd__close (vm->gone_fd);
  kata_fd__close (vm->log_fd);
  kata_fd__close (vm->console_fd);
  kata_fd__close (vm->dir_fd);
  g_mutex_clear (&vm->lock);
  g_free (vm->dir);
  g_free (vm);
}

void
kata_external_vm__discard (kata_external_vm *vm)
{
  kata_external_vm__unwatch (vm);
  kata_backend_process__discard (&vm->vmm);
  kata_backend_process__discard (&vm->virtiofsd);
}

bool
kata_external_vm__ended (kata_external_vm *vm)
{
  g_mutex_lock (&vm->lock);
  if (vm->kind->look != NULL)
    vm->kind->look (vm);
  kata_backend_process__ended (&vm->virtiofsd);
  bool ended = kata_backend_process__ended (&vm->vmm);
  g_mutex_unlock (&vm->lock);
  return ended;
}

int
kata_external_vm__exit_fd (void *handle)
{
  kata_external_vm *vm = handle;
  if (vm->kind->look != NULL)
    kata_external_vm__ended (vm);
  return vm->vmm.pidfd >= 0 ? vm->vmm.pidfd : vm->gone_fd;
}

char *
kata_external_vm__why (void *handle)
{
  kata_external_vm *vm = handle;
  bool ended = kata_external_vm__ended (vm);
  g_mutex_lock (&vm->lock);
  kata_exit_status status = vm->vmm.status, helper = vm->virtiofsd.status;
  bool panic;
  const char *told = vm->kind->told != NULL ? vm->kind->told (vm, &panic) : NULL;
  g_mutex_unlock (&vm->lock);
  g_autofree char *exit = ended ? kata_exit_status__text (&status) : g_strdup ("is running");
  g_autofree char *how = told != NULL ? g_strdup_printf ("%s; %s", exit, told) : g_strdup (exit);
  return kata_external__why (vm->kind->program, how, vm->dir_fd, &vm->kind->logs, &helper);
}

int
kata_external_vm__ended_error (kata_external_vm *vm, const char *doing, kata_error **err)
{
  g_autofree char *why = kata_external_vm__why (vm);
  bool panic = false;
  g_mutex_lock (&vm->lock);
  if (vm->kind->told != NULL)
    vm->kind->told (vm, &panic);
  g_mutex_unlock (&vm->lock);
  if (panic)
    return kata_error__set (err, KATA_E_GUEST, NULL, "%s: the virtual machine ended: %s", doing, why);
  return kata_external__ended_error (doing, why, vm->dir_fd, vm->kind->logs.console, err);
}

size_t
kata_external_vm__pids (void *handle, int64_t *pids, size_t max)
{
  kata_external_vm *vm = handle;
  size_t n = 0;
  if (max > n && vm->vmm.pidfd >= 0)
    pids[n++] = vm->vmm.identity.pid;
  if (max > n && vm->virtiofsd.pidfd >= 0)
    pids[n++] = vm->virtiofsd.identity.pid;
  if (max > n)
    pids[n] = 0;
  return n;
}

int
kata_external_vm__save (void *handle, char **json, kata_error **err)
{
  kata_external_vm *vm = handle;
  g_autofree char *vmm = kata_backend_process__to_json (&vm->vmm);
  g_autofree char *virtiofsd = kata_backend_process__to_json (&vm->virtiofsd);
  *json = g_strdup_printf ("{\"version\":1,\"vmm\":%s,\"virtiofsd\":%s,\"port\":%u,\"cid\":%u}", vmm, virtiofsd,
                           vm->port, vm->cid);
  return 0;
}

static bool
read_saved (kata_external_vm *vm, const char *text)
{
  g_autoptr (JsonObject) saved = kata_saved__parse (text);
  return saved != NULL && kata_backend_process__from_json (&vm->vmm, saved, "vmm") &&
         kata_backend_process__from_json (&vm->virtiofsd, saved, "virtiofsd") &&
         kata_saved__number (saved, "port", UINT32_MAX, &vm->port) &&
         kata_saved__number (saved, "cid", UINT32_MAX, &vm->cid) && vm->vmm.identity.pid > 0;
}

int
kata_external_vm__reopen (kata_external_vm *vm, const char *id, kata_error **err)
{
  int code = kata_backend_process__reopen (&vm->vmm, err);
  if (code == 0)
    code = kata_backend_process__reopen (&vm->virtiofsd, err);
  if (code < 0)
    return code;
  if (vm->vmm.pidfd < 0 && (vm->gone_fd = eventfd (1, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
    return kata_error__errno (err, KATA_E_IO, NULL, errno, "sandbox %s: make an event descriptor", id);
  kata_external_vm__watch (vm);
  return 0;
}

int
kata_external_vm__take_up (kata_external_vm *vm, const char *id, const char *saved, kata_error **err)
{
  return read_saved (vm, saved) ? kata_external_vm__reopen (vm, id, err) : kata_saved__corrupt (id, err);
}

int
kata_external_vm__attach (kata_external_vm **out, const kata_external_kind *kind, const kata_vm_plan *plan,
                          const char *saved, kata_error **err)
{
  void *made = NULL;
  int code = kata_external_vm__new (&made, MAX (kind->vm_size, sizeof (kata_external_vm)), kind, plan, err);
  g_autoptr (kata_external_vm) vm = made;
  if (code == 0)
    code = kata_external_vm__take_up (vm, plan->id, saved, err);
  if (code == 0)
    *out = g_steal_pointer (&vm);
  return code;
}

int
kata_external_vm__connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  kata_external_vm *vm = handle;
  for (;;) {
    g_autoptr (kata_error) error = NULL;
    int fd = -1;
    enum kata_hybrid_result result = KATA_HYBRID_LATER;
    if (!kata_external_vm__ended (vm))
      result = kata_hybrid__try (&fd, vm->dir_fd, vm->kind->vsock_socket, vm->port, env->deadline_us, &error);
    if (result == KATA_HYBRID_OK) {
      kata_external__stream (out, fd, -1);
      return 0;
    }
    if (kata_external_vm__ended (vm))
      return kata_external_vm__ended_error (vm, "connect to the agent", err);
    if (result == KATA_HYBRID_FAILED)
      return kata_error__propagate (err, g_steal_pointer (&error));
    if (!kata_external__pause (kata_external_vm__exit_fd (vm), RETRY_MS, env->deadline_us))
      return kata_external__no_answer (vm->dir_fd, vm->kind->logs.console, err);
  }
}

static int
check_file (const kata_external_kind *kind, const char *path, const char *name, kata_error **err)
{
  kata_auto_fd int fd = -1;
  g_autofree char *key = g_strdup_printf ("hypervisor.%s.%s", kind->name, name);
  return path == NULL || path[0] == '\0' ? 0 : kata_external__open_file (&fd, path, false, key, err);
}

int
kata_external_vm__check_files (const kata_external_kind *kind, const kata_vm_plan *plan, bool write_disks,
                               kata_error **err)
{
  int code = check_file (kind, plan->kernel, "kernel", err);
  if (code == 0)
    code = check_file (kind, plan->initrd, "initrd", err);
  if (code == 0)
    code = check_file (kind, plan->image, "image", err);
  if (code == 0)
    code = check_file (kind, plan->firmware, "firmware", err);
  for (size_t i = 0; code == 0 && plan->disks != NULL && plan->disks[i] != NULL; i++) {
    const kata_vm_disk *disk = plan->disks[i];
    kata_auto_fd int fd = -1;
    if (disk->path != NULL && disk->path[0] != '\0' && disk->vhost_user == 0)
      code = kata_external__open_file (&fd, disk->path, write_disks && !disk->readonly, disk->id, err);
  }
  return code;
}

int
kata_external_vm__start_share (kata_external_vm *vm, const kata_vm_plan *plan, const kata_backend_env *env,
                               kata_error **err)
{
  kata_child child;
  if (plan->share_kind != KATA_SHARE_VIRTIOFS)
    return 0;
  int code = kata_virtiofsd__start (&child, vm->kind->name, plan, vm->dir_fd, env, err);
  if (code == 0)
    kata_backend_process__adopt (&vm->virtiofsd, &child);
  return code;
}

int
kata_external_vm__make_logs (kata_external_vm *vm, const kata_backend_env *env, kata_error **err)
{
  const struct kata_external_logs *logs = &vm->kind->logs;
  int code = kata_external__log_file (&vm->log_fd, vm->dir_fd, vm->dir, logs->vmm, env, err);
  return code < 0 ? code : kata_external__log_file (&vm->console_fd, vm->dir_fd, vm->dir, logs->console, env, err);
}

int
kata_external_vm__spawn (kata_external_vm *vm, char **argv, const kata_child_fd *fds, size_t n_fds,
                         const kata_backend_env *env, kata_error **err)
{
  int code = vm->log_fd < 0 ? kata_external_vm__make_logs (vm, env, err) : 0;
  if (code < 0)
    return code;
  kata_auto_fd int log = kata_fd__steal (&vm->log_fd), console = kata_fd__steal (&vm->console_fd);
  struct kata_external_record record = { vm->kind->name, env };
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  const kata_child_rlimit limits[] = { kata_external__descriptors (), kata_external__locked_memory () };
  kata_child child;
  options.program = argv[0];
  options.rlimits = limits;
  options.n_rlimits = vm->locks_memory ? 2 : 1;
  options.argv = (const char *const *) argv;
  options.stdout_fd = vm->kind->console_stdout ? console : log;
  options.stderr_fd = log;
  options.fds = fds;
  options.n_fds = n_fds;
  options.cwd = vm->dir;
  options.ignored_signal = SIGXFSZ; /* see kata_external__bound_logs() */
  options.record = kata_external__record_process;
  options.record_data = &record;
  code = kata_child__spawn (&child, &options, err);
  if (code == 0)
    kata_backend_process__adopt (&vm->vmm, &child);
  if (code == 0)
    kata_external_vm__watch (vm);
  return code;
}

struct spawning {
  kata_external_vm *vm;
  char **argv;
  const kata_child_fd *fds;
  size_t n_fds;
  const kata_backend_env *env;
};

static int
spawn_here (void *data, kata_error **err)
{
  const struct spawning *s = data;
  return kata_external_vm__spawn (s->vm, s->argv, s->fds, s->n_fds, s->env, err);
}

/* A child is in the network namespace of the thread that makes it. */
int
kata_external_vm__spawn_there (kata_external_vm *vm, const kata_vm_plan *plan, char **argv, const kata_child_fd *fds,
                               size_t n_fds, const kata_backend_env *env, kata_error **err)
{
  struct spawning s = { vm, argv, fds, n_fds, env };
  kata_auto_fd int fd = -1;
  if (plan->netns == NULL || plan->netns[0] == '\0')
    return spawn_here (&s, err);
  int code = kata_netns__open (&fd, plan->netns, err);
  return code < 0 ? code : kata_netns__run (fd, spawn_here, &s, err);
}

/*
 * The agent was asked to end the guest before this, and a guest that powers off ends its VMM. One whose agent cannot be reached, or is
 * another's, hears the power button; again and again, for early in its boot it does not listen. Pressing it once too often does no harm.
 */
static void
end_orderly (kata_external_vm *vm, kata_external_command command, const char *press, int64_t until_us)
{
  while (!kata_external_vm__ended (vm)) {
    kata_pidfd__wait (vm->vmm.pidfd, kata_deadline__within (until_us, PRESS_MS), NULL);
    if (kata_deadline__now () >= until_us)
      return;
    command (vm, press, kata_deadline__within (until_us, PRESS_MS), NULL);
  }
}

int
kata_external_vm__stop (kata_external_vm *vm, kata_external_command command, const char *press, const char *quit,
                        int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  if (grace_ms > 0)
    end_orderly (vm, command, press, kata_deadline__within (env->deadline_us, grace_ms));
  if (!kata_external_vm__ended (vm))
    command (vm, quit, kata_deadline__within (env->deadline_us, QUIT_MS), NULL);
  int code = kata_backend_process__end (&vm->vmm, QUIT_MS, env->deadline_us, err);
  if (code == 0)
    code = kata_backend_process__end (&vm->virtiofsd, HELPER_MS, env->deadline_us, err);
  kata_external_vm__ended (vm);
  return code;
}
