/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program: what the adapters of this tree share, for those of others; the handle is theirs, with the words for it behind. */
#include <kata/sys/program.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api/argument.h"
#include "backend/external-vm.h"

#define NAME_MAX_LEN   32
#define SOCKET_MAX_LEN 64

struct program_vm {
  kata_external_vm vm;
  kata_external_kind kind; /* @vm's; it points at what follows */
  char name[NAME_MAX_LEN + 1], socket[SOCKET_MAX_LEN + 1], log[64], console[64];
};

static int
check (kata_program *mine, const kata_program *theirs, kata_error **err)
{
  int r = kata_argument__options (mine, sizeof *mine, KATA_SIZE_TO (kata_program, argv), theirs, "kata_program", err);
  if (r != 0)
    return r;
  size_t length = mine->name != NULL ? strlen (mine->name) : 0;
  KATA_REQUIRE (length > 0 && length <= NAME_MAX_LEN &&
                    strspn (mine->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length,
                "name", err);
  length = mine->socket != NULL ? strlen (mine->socket) : 0;
  KATA_REQUIRE (length > 0 && length <= SOCKET_MAX_LEN && strchr (mine->socket, '/') == NULL && mine->socket[0] != '.',
                "socket", err);
  return 0;
}

static int
make (struct program_vm **out, const kata_vm_plan *plan, const kata_program *program, kata_error **err)
{
  kata_external_kind none = { .name = "" };
  void *made = NULL;
  int r = kata_external_vm__new (&made, sizeof (struct program_vm), &none, plan, err);
  if (r != 0)
    return r;
  struct program_vm *mine = made;
  g_strlcpy (mine->name, program->name, sizeof mine->name);
  g_strlcpy (mine->socket, program->socket, sizeof mine->socket);
  snprintf (mine->log, sizeof mine->log, "%s.log", program->name);
  snprintf (mine->console, sizeof mine->console, "%s-console.log", program->name);
  mine->kind = (kata_external_kind){ .name = mine->name,
                                     .program = mine->name,
                                     .logs = { mine->log, KATA_EXTERNAL_TAIL_MAX, mine->console },
                                     .vsock_socket = mine->socket,
                                     .console_stdout = true };
  mine->vm.kind = &mine->kind;
  *out = mine;
  return 0;
}

int
kata_program_launch (void **vm, const kata_vm_plan *plan, const kata_program *program, const kata_backend_env *env,
                     kata_error **err)
{
  kata_program wanted = KATA_PROGRAM_INIT;
  struct program_vm *mine = NULL;
  KATA_REQUIRE (vm != NULL, "vm", err);
  KATA_REQUIRE (plan != NULL, "plan", err);
  KATA_REQUIRE (program != NULL, "program", err);
  KATA_REQUIRE (env != NULL, "env", err);
  int r = check (&wanted, program, err);
  if (r != 0)
    return r;
  KATA_REQUIRE (wanted.argv != NULL && wanted.argv[0] != NULL && wanted.argv[0][0] == '/', "argv", err);
  r = make (&mine, plan, &wanted, err);
  if (r != 0)
    return r;
  r = kata_external__record_file (plan->dir, mine->socket, env, err);
  if (r == 0)
    r = kata_external_vm__spawn (&mine->vm, (char **) wanted.argv, NULL, 0, env, err);
  if (r == 0) {
    *vm = mine;
    return 0;
  }
  kata_external_vm__discard (&mine->vm);
  kata_external_vm__detach (mine);
  return r;
}

int
kata_program_attach (void **vm, const kata_vm_plan *plan, const kata_program *program, const char *saved,
                     kata_error **err)
{
  kata_program wanted = KATA_PROGRAM_INIT;
  struct program_vm *mine = NULL;
  KATA_REQUIRE (vm != NULL, "vm", err);
  KATA_REQUIRE (plan != NULL, "plan", err);
  KATA_REQUIRE (program != NULL, "program", err);
  KATA_REQUIRE (saved != NULL, "saved", err);
  int r = check (&wanted, program, err);
  if (r == 0)
    r = make (&mine, plan, &wanted, err);
  if (r != 0)
    return r;
  r = kata_external_vm__take_up (&mine->vm, plan->id, saved, err);
  if (r == 0)
    *vm = mine;
  else
    kata_external_vm__detach (mine);
  return r;
}

int
kata_program_save (void *vm, char **json, kata_error **err)
{
  return kata_external_vm__save (vm, json, err);
}

int
kata_program_connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__connect (vm, out, env, err);
}

int
kata_program_signal (void *vm, int signum, kata_error **err)
{
  kata_external_vm *mine = vm;
  KATA_REQUIRE (mine != NULL, "vm", err);
  KATA_REQUIRE (signum > 0 && signum < NSIG, "signum", err);
  if (kata_external_vm__ended (mine))
    return kata_error__set (err, KATA_E_NOT_FOUND, mine->kind->name, "%s: it has ended, signal %d has nowhere to go",
                            mine->kind->name, signum);
  return kata_pidfd__signal (mine->vmm.pidfd, signum, err);
}

/* One that was stopped by a signal hears SIGTERM when it goes on. */
static int
command (kata_external_vm *vm, const char *name, int64_t deadline_us, kata_error **err)
{
  if (name[0] == '\0')
    return 0;
  int r = kata_pidfd__signal (vm->vmm.pidfd, SIGTERM, err);
  return r != 0 ? r : kata_pidfd__signal (vm->vmm.pidfd, SIGCONT, err);
}

int
kata_program_stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  return kata_external_vm__stop (vm, command, "", "quit", grace_ms, env, err);
}

int
kata_program_exit_fd (void *vm)
{
  return kata_external_vm__exit_fd (vm);
}

char *
kata_program_why (void *vm)
{
  return kata_external_vm__why (vm);
}

size_t
kata_program_pids (void *vm, int64_t *pids, size_t max)
{
  return kata_external_vm__pids (vm, pids, max);
}

void
kata_program_detach (void *vm)
{
  kata_external_vm__detach (vm);
}
